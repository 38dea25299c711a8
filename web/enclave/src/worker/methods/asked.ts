// What a person has to confirm in the enclave's own page: decisions, revocation, reset.

import { type Approved, EnclaveError, type Params } from "../../../../protocol/src/index.ts";
import { buffer, owned, toBase64url } from "../../bytes.ts";
import { EMPTY } from "../chain.ts";
import type { Handlers } from "../handler.ts";
import { sign } from "../keys/algorithms.ts";
import { ONLY } from "../store/rows.ts";
import type { Turn } from "../turn.ts";
import { tombstone } from "./birth.ts";

type Asked = Pick<Handlers, "approve" | "revoke" | "reset">;

/** What makes a text read otherwise than it is: controls, direction and joining marks, private use, letters and blanks that
 *  show nothing (Hangul fillers, the empty Braille cell, variation selectors), and heaps of marks over other lines. */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|\p{M}{5}/u;

function honest(text: string): void {
  if (DECEPTIVE.test(text.replaceAll("\n", ""))) {
    throw new EnclaveError("bad_params", "params.text: has characters that cannot be shown as they are");
  }
}

async function decide(turn: Turn, params: Params<"approve">, decision: Approved["decision"]): Promise<Approved> {
  const row = await turn.live(params.kid, "approval");
  if (params.expires <= turn.now) throw new EnclaveError("gesture_unavailable", "the question has expired");
  const { kid, approval, text, digest, expires } = params;
  const form = { approval, decision, digest, text, host: turn.host, kid, time: turn.now, expires };
  const document = owned(await turn.core.approvalInput(form));
  const signature = await sign("ES256", await turn.keyring.secret(row.main), document);
  await turn.used(row);
  turn.detail = { approval, decision, digest };
  return { decision, document: buffer(document), signature: buffer(signature) };
}

const cut = (kid: string) => `${kid.slice(0, 8)}…`;

export const asked: Asked = {
  approve: {
    kind: "asked",
    ask: async (turn, params) => {
      honest(params.text);
      const row = await turn.live(params.kid, "approval");
      await turn.keyring.secret(row.main);
      return {
        page: {
          heading: "Approve this?",
          paragraphs: [`${turn.host} asks for your signature on exactly this:`],
          quoted: params.text,
          yes: "Approve",
          no: "Deny",
        },
      };
    },
    act: (turn, params) => decide(turn, params, "approve"),
    declined: (turn, params) => decide(turn, params, "deny"),
  },

  revoke: {
    kind: "asked",
    ask: async (turn, { kid }) => {
      const row = await turn.key(kid);
      if (row.state === "revoked") throw new EnclaveError("key_revoked", "this key is revoked already");
      return {
        page: {
          heading: "Revoke a key?",
          paragraphs: [
            `${turn.host} wants to revoke its ${row.purpose} key ${cut(kid)} (${row.main.alg}, uses so far: ${await turn.uses(kid)}).`,
            "It will never sign again. This cannot be undone.",
          ],
          yes: "Revoke",
          no: "Keep",
        },
      };
    },
    act: async (turn, { kid }) => {
      const row = await turn.key(kid);
      turn.put("keys", kid, tombstone(row, "revoked"));
      turn.erase("prekeys", kid);
      return {};
    },
  },

  reset: {
    kind: "apart",
    ask: async enclave => {
      const { host } = enclave.around;
      const what = enclave.lost ? "What is left of the keys" : `All ${await enclave.store.count("keys")} keys`;
      return {
        page: {
          heading: "Erase everything?",
          paragraphs: [`${what} and sessions of ${host} in this browser will be erased. This cannot be undone.`],
          yes: "Erase",
          no: "Keep",
        },
      };
    },
    act: enclave =>
      enclave.store.alone(async () => {
        const before = (await enclave.store.read("state", ONLY))?.chain ?? EMPTY;
        const end = { count: before.count, before: toBase64url(before.link) };
        const { store } = await enclave.begin("reset", end);
        enclave.around.remember(store);
        return { store };
      }),
  },
};
