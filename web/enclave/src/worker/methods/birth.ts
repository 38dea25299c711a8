// How keys come to be: generated for one purpose, stored, read back, used, and only then acknowledged.

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
import { intact } from "../keys/custody.ts";
import { toJwk } from "../keys/public.ts";
import type { Change, Half, KeyRow } from "../store/rows.ts";
import type { Turn } from "../turn.ts";

interface Wish {
  readonly alg: Algorithm;
  readonly purpose: Purpose;
  readonly recoverable: boolean;
}

/** Makes a key and puts its row among the turn's changes. `back`: what to put back should the browser lose the key. */
export async function bear(turn: Turn, wish: Wish, back: readonly Change[] = []): Promise<KeyRow> {
  const { alg, purpose, recoverable } = wish;
  if (!ALLOWED[purpose].includes(alg)) throw new EnclaveError("wrong_algorithm", `${purpose} keys are not ${alg}`);
  if ((await turn.store.count("keys")) >= LIMITS.keys) throw new EnclaveError("key_limit", "too many keys");
  const main = await turn.keyring.make(alg, recoverable);
  const kid = await turn.core.thumbprint(alg, main.publicKey);
  const base: KeyRow = { kid, purpose, state: "live", recoverable, created: turn.now, main };
  const row = purpose === "identity" ? await withAgreement(turn, base) : base;
  turn.put("keys", kid, row);
  turn.kid = kid;
  turn.proofs.push(() => proveStored(turn, kid, back));
  return row;
}

async function withAgreement(turn: Turn, row: KeyRow): Promise<KeyRow> {
  const agreement = await turn.keyring.make("X25519", row.recoverable);
  return { ...row, agreement };
}

/** Reads a key back from the store and uses it. A key that did not survive is gone, and that is recorded. */
async function proveStored(turn: Turn, kid: Kid, back: readonly Change[]): Promise<void> {
  const row = await turn.store.under.read("keys", kid);
  const halves: readonly (Half | undefined)[] = [row?.main, row?.agreement];
  const whole = await Promise.all(halves.map(async half => half === undefined || intact(half, turn.keyring.seal())));
  if (row !== undefined && whole.every(Boolean)) return;
  await turn.store.under.commit([{ table: "keys", key: kid }, ...back]);
  throw new EnclaveError("key_lost", "the browser does not give the key back as it was stored");
}

export function shown(row: KeyRow): Generated {
  const { kid, main, agreement } = row;
  const publicKey = toJwk(main.alg, main.publicKey);
  return { kid, publicKey, ...(agreement && { agreementKey: toJwk(agreement.alg, agreement.publicKey) }) };
}

export const birth: Pick<Handlers, "generate" | "rotate"> = {
  generate: {
    kind: "act",
    act: async (turn, { alg, purpose, recoverable = false }, enclave) => {
      const row = await bear(turn, { alg, purpose, recoverable });
      turn.detail = { alg, purpose, recoverable };
      enclave.around.persist();
      return shown(row);
    },
  },

  /** The old key keeps its public half, so that what it signed still verifies; its private half is erased. */
  rotate: {
    kind: "act",
    act: async (turn, { kid }) => {
      const old = await turn.live(kid);
      const prekeys = await turn.store.read("prekeys", kid);
      const back: Change[] = [{ table: "keys", key: kid, row: old }];
      if (prekeys !== undefined) back.push({ table: "prekeys", key: kid, row: prekeys });
      const row = await bear(turn, { alg: old.main.alg, purpose: old.purpose, recoverable: old.recoverable }, back);
      turn.put("keys", kid, { ...tombstone(old, "retired"), successor: row.kid });
      turn.erase("prekeys", kid);
      turn.detail = { successor: row.kid };
      turn.kid = kid;
      return shown(row);
    },
  },
};

/** What is left of a key: everything but its private halves. */
export function tombstone(row: KeyRow, state: "retired" | "revoked"): KeyRow {
  const buried = ({ alg, publicKey }: Half): Half => ({ alg, publicKey: owned(publicKey) });
  return { ...row, state, main: buried(row.main), ...(row.agreement && { agreement: buried(row.agreement) }) };
}
