// Key generation and rotation. A new key is stored, read back and used before it is acknowledged.

import {
  ALLOWED,
  type Algorithm,
  EnclaveError,
  type Generated,
  type Kid,
  LIMITS,
  type Purpose,
} from "../../../../protocol/src/index.ts";
import { owned } from "../../bytes.ts";
import type { Handlers } from "../handler.ts";
import { isUsable } from "../keys/key_storage.ts";
import { toJwk } from "../keys/public.ts";
import type { Change, KeyRow, StoredKeyPair } from "../store/rows.ts";
import type { Transaction } from "../transaction.ts";

interface Wish {
  readonly alg: Algorithm;
  readonly purpose: Purpose;
  readonly recoverable: boolean;
}

/**
 * Generates a key and adds its row to the transaction. `back` holds the changes that undo the operation if the browser
 * loses the key.
 */
export async function generateKey(tx: Transaction, wish: Wish, back: readonly Change[] = []): Promise<KeyRow> {
  const { alg, purpose, recoverable } = wish;
  if (!ALLOWED[purpose].includes(alg)) throw new EnclaveError("wrong_algorithm", `${purpose} keys are not ${alg}`);
  if ((await tx.store.count("keys")) >= LIMITS.keys) throw new EnclaveError("key_limit", "too many keys");
  const main = await tx.keyring.generate(alg, recoverable);
  const kid = await tx.core.thumbprint(alg, main.publicKey);
  const base: KeyRow = { kid, purpose, state: "live", recoverable, created: tx.now, main };
  const row = purpose === "identity" ? await withAgreement(tx, base) : base;
  tx.put("keys", kid, row);
  tx.kid = kid;
  tx.afterCommit.push(() => verifyStored(tx, kid, back));
  return row;
}

async function withAgreement(tx: Transaction, row: KeyRow): Promise<KeyRow> {
  const agreement = await tx.keyring.generate("X25519", row.recoverable);
  return { ...row, agreement };
}

/** Reads a key back from the store and uses it. If the key is lost, its row is removed and the failure is recorded. */
async function verifyStored(tx: Transaction, kid: Kid, back: readonly Change[]): Promise<void> {
  const row = await tx.store.backing.read("keys", kid);
  const halves: readonly (StoredKeyPair | undefined)[] = [row?.main, row?.agreement];
  const whole = await Promise.all(halves.map(async half => half === undefined || isUsable(half, tx.keyring.seal())));
  if (row !== undefined && whole.every(Boolean)) return;
  await tx.store.backing.commit([{ table: "keys", key: kid }, ...back]);
  throw new EnclaveError("key_lost", "the browser did not return the stored key");
}

export function publicView(row: KeyRow): Generated {
  const { kid, main, agreement } = row;
  const publicKey = toJwk(main.alg, main.publicKey);
  return { kid, publicKey, ...(agreement && { agreementKey: toJwk(agreement.alg, agreement.publicKey) }) };
}

export const keyGeneration: Pick<Handlers, "generate" | "rotate"> = {
  generate: {
    kind: "act",
    act: async (tx, { alg, purpose, recoverable = false }, enclave) => {
      const row = await generateKey(tx, { alg, purpose, recoverable });
      tx.detail = { alg, purpose, recoverable };
      enclave.context.persist();
      return publicView(row);
    },
  },

  /** The old key keeps its public half, so its signatures still verify; its private half is erased. */
  rotate: {
    kind: "act",
    act: async (tx, { kid }) => {
      const old = await tx.activeKey(kid);
      const prekeys = await tx.store.read("prekeys", kid);
      const back: Change[] = [{ table: "keys", key: kid, row: old }];
      if (prekeys !== undefined) back.push({ table: "prekeys", key: kid, row: prekeys });
      const row = await generateKey(
        tx,
        { alg: old.main.alg, purpose: old.purpose, recoverable: old.recoverable },
        back,
      );
      tx.put("keys", kid, { ...tombstone(old, "retired"), successor: row.kid });
      tx.delete("prekeys", kid);
      tx.detail = { successor: row.kid };
      tx.kid = kid;
      return publicView(row);
    },
  },
};

/** The row of a key without its private halves. */
export function tombstone(row: KeyRow, state: "retired" | "revoked"): KeyRow {
  const buried = ({ alg, publicKey }: StoredKeyPair): StoredKeyPair => ({ alg, publicKey: owned(publicKey) });
  return { ...row, state, main: buried(row.main), ...(row.agreement && { agreement: buried(row.agreement) }) };
}
