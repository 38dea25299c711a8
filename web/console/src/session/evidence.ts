/**
 * Decisions and changes with a passkey signature. The passkey signs a digest that the daemon computed over exactly the
 * shown content. The daemon verifies the same digest again before it takes effect.
 */
import type {
  Applied,
  ApprovalRequest,
  Bound,
  Change,
  Decided,
  Decision,
  Evidence,
  Preview,
  WebAuthnOptions,
} from "../generated/contract.ts";
import { post } from "./client.ts";
import { assertion } from "./webauthn.ts";

async function passkeyFor(digest: string): Promise<Evidence> {
  const options = await post<WebAuthnOptions>("/v1/challenge", { digest });
  return { passkey: await assertion(options) };
}

export async function decide(question: ApprovalRequest, decision: Decision): Promise<Decided> {
  const path = `/v1/approvals/${encodeURIComponent(question.id)}`;
  const bound = await post<Bound>(`${path}/decision-digest`, decision);
  const evidence = await passkeyFor(bound.digest);
  return post<Decided>(`${path}/decide`, { shown: question.digest, decision, evidence });
}

export function preview(change: Change): Promise<Preview> {
  return post<Preview>("/v1/changes/preview", change);
}

export async function apply(change: Change, digest: string): Promise<Applied> {
  const evidence = await passkeyFor(digest);
  return post<Applied>("/v1/changes", { change, digest, evidence });
}
