// The audit log of one host, a hash chain. Every use, change and refusal is an entry. It is committed in the same
// transaction as its effect, before the response leaves.

import type { Core } from "../../../enclave-wasm/bindings.ts";
import { type Kid, LIMITS } from "../../../protocol/src/index.ts";
import { type Bytes, owned, toBase64url } from "../bytes.ts";
import type { Keyring } from "./keyring.ts";
import { sign } from "./keys/algorithms.ts";
import type { Chain, Change, SignedHead } from "./store/rows.ts";

export type Detail = Readonly<Record<string, string | number | boolean>>;

export interface AuditEvent {
  readonly method: string;
  readonly kid?: Kid | undefined;
  readonly outcome: "done" | "refused" | "failed";
  readonly detail: Detail;
}

export const EMPTY_CHAIN: Chain = { count: 0, link: new Uint8Array(32), oldest: 0, time: 0 };

/** Returns the chain with one more entry, and the store changes for it. */
export async function appendEntry(
  chain: Chain,
  event: AuditEvent,
  by: { readonly core: Core; readonly keyring: Keyring; readonly host: string; readonly now: number },
): Promise<{ readonly chain: Chain; readonly changes: readonly Change[] }> {
  const time = Math.max(by.now, chain.time);
  const { kid, ...rest } = event;
  const form = {
    ...rest,
    ...(kid === undefined ? {} : { kid }),
    seq: chain.count,
    time,
    previous: toBase64url(chain.link),
  };
  const { entry, link } = await by.core.auditEntry(form);
  const count = chain.count + 1;
  const oldest = Math.max(chain.oldest, count - LIMITS.auditKept);
  const dropped = Array.from({ length: oldest - chain.oldest }, (_, index) => chain.oldest + index);
  const head = by.keyring.open ? await signed(count, owned(link), by) : undefined;
  return {
    chain: { count, link: owned(link), oldest, time, ...(head === undefined ? {} : { head }) },
    changes: [
      { table: "audit", key: chain.count, row: { previous: chain.link, entry: owned(entry) } },
      ...dropped.map(key => ({ table: "audit" as const, key })),
    ],
  };
}

async function signed(
  count: number,
  link: Bytes,
  by: { readonly core: Core; readonly keyring: Keyring; readonly host: string },
): Promise<SignedHead> {
  const { kid, half } = by.keyring.auditKey;
  const document = owned(await by.core.auditHead({ kid, host: by.host, count, link }));
  return { document, signature: await sign(half.alg, await by.keyring.privateKey(half), document) };
}
