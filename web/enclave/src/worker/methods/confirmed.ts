// Methods that a person must confirm in the enclave's own page: decisions, revocation, reset.

import { type Approved, EnclaveError, type Params } from "../../../../protocol/src/index.ts";
import { buffer, owned, toBase64url } from "../../bytes.ts";
import { EMPTY_CHAIN } from "../audit_log.ts";
import type { Handlers } from "../handler.ts";
import { sign } from "../keys/algorithms.ts";
import { ONLY } from "../store/rows.ts";
import type { Transaction } from "../transaction.ts";
import { tombstone } from "./generate.ts";

type ConfirmedMethods = Pick<Handlers, "approve" | "revoke" | "reset">;

/**
 * Characters that make a text look different from its content: controls, direction and joining marks, private use,
 * invisible letters and blanks (Hangul fillers, the empty Braille cell, variation selectors), and stacks of marks over
 * other lines.
 */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|\p{M}{5}/u;

function rejectDeceptive(text: string): void {
  if (DECEPTIVE.test(text.replaceAll("\n", ""))) {
    throw new EnclaveError("bad_params", "params.text: contains characters that cannot be displayed safely");
  }
}

async function decide(tx: Transaction, params: Params<"approve">, decision: Approved["decision"]): Promise<Approved> {
  const row = await tx.activeKey(params.kid, "approval");
  if (params.expires <= tx.now) throw new EnclaveError("gesture_unavailable", "the approval request has expired");
  const { kid, approval, text, digest, expires } = params;
  const form = { approval, decision, digest, text, host: tx.host, kid, time: tx.now, expires };
  const document = owned(await tx.core.approvalInput(form));
  const signature = await sign("ES256", await tx.keyring.privateKey(row.main), document);
  await tx.countUse(row);
  tx.detail = { approval, decision, digest };
  return { decision, document: buffer(document), signature: buffer(signature) };
}

const cut = (kid: string) => `${kid.slice(0, 8)}…`;

export const confirmed: ConfirmedMethods = {
  approve: {
    kind: "confirmed",
    request: async (tx, params) => {
      rejectDeceptive(params.text);
      const row = await tx.activeKey(params.kid, "approval");
      await tx.keyring.privateKey(row.main);
      return {
        page: {
          heading: "Approve this request?",
          paragraphs: [`${tx.host} asks you to sign exactly this text:`],
          quoted: params.text,
          yes: "Approve",
          no: "Deny",
        },
      };
    },
    act: (tx, params) => decide(tx, params, "approve"),
    declined: (tx, params) => decide(tx, params, "deny"),
  },

  revoke: {
    kind: "confirmed",
    request: async (tx, { kid }) => {
      const row = await tx.key(kid);
      if (row.state === "revoked") throw new EnclaveError("key_revoked", "this key is already revoked");
      return {
        page: {
          heading: "Revoke a key?",
          paragraphs: [
            `${tx.host} wants to revoke its ${row.purpose} key ${cut(kid)} (${row.main.alg}, uses so far: ${await tx.uses(kid)}).`,
            "The key will never sign again. This cannot be undone.",
          ],
          yes: "Revoke",
          no: "Keep",
        },
      };
    },
    act: async (tx, { kid }) => {
      const row = await tx.key(kid);
      tx.put("keys", kid, tombstone(row, "revoked"));
      tx.delete("prekeys", kid);
      return {};
    },
  },

  reset: {
    kind: "replaces_store",
    request: async enclave => {
      const { host } = enclave.context;
      const what = enclave.lost ? "The remaining keys" : `All ${await enclave.store.count("keys")} keys`;
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
      enclave.store.exclusive(async () => {
        const before = (await enclave.store.read("state", ONLY))?.chain ?? EMPTY_CHAIN;
        const end = { count: before.count, before: toBase64url(before.link) };
        const { store } = await enclave.initialize("reset", end);
        enclave.context.rememberStore(store);
        return { store };
      }),
  },
};
