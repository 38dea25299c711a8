// Strong mode: the seal is derived from a passkey (WebAuthn PRF, HKDF) and never stored. Keys held as browser objects
// cannot be sealed later; they are retired, because a copied disk contains them.

import { EnclaveError, type Kid } from "../../../../protocol/src/index.ts";
import { buffer, owned, random } from "../../bytes.ts";
import type { Confirmed, Handlers } from "../handler.ts";
import { exportSealed, generateSealed, sealKeyPair } from "../keys/key_storage.ts";
import { type Box, Seal } from "../keys/seal.ts";
import { type AuditKeyRow, type KeyRow, ONLY, type StoredKeyPair } from "../store/rows.ts";
import type { Transaction } from "../transaction.ts";
import { tombstone } from "./generate.ts";
import { prekeysContext, sessionContext } from "./seal_context.ts";

type Strong = Pick<Handlers, "strong.enter" | "strong.unlock" | "strong.lock" | "strong.leave">;

const PROBE = "strong mode";

async function derived(result: Confirmed, salt: Uint8Array, host: string): Promise<Seal> {
  if (result.prf?.byteLength !== 32) throw new EnclaveError("passkey_failed", "the passkey returned no PRF output");
  const secret = owned(result.prf);
  try {
    return await Seal.derived(secret, owned(salt), `briefcase enclave strong v1 ${host}`);
  } finally {
    secret.fill(0);
    new Uint8Array(result.prf).fill(0);
  }
}

const held = (row: KeyRow) => [row.main, row.agreement].some(half => half?.custody?.kind === "held");

/** Reseals everything under another seal. Returns the keys that could not move because the browser holds them. */
async function reseal(tx: Transaction, from: Seal, to: Seal): Promise<readonly Kid[]> {
  const again = async (half: StoredKeyPair): Promise<StoredKeyPair> =>
    half.custody?.kind === "sealed" ? sealKeyPair(half.alg, half.publicKey, await exportSealed(half, from), to) : half;
  const move = async (box: Box, about: string): Promise<Box> => to.seal(await from.open(box, about), about);
  const retired: Kid[] = [];
  for (const [, row] of await tx.store.all("keys")) {
    if (held(row)) {
      retired.push(row.kid);
      tx.put("keys", row.kid, tombstone(row, "retired"));
      tx.delete("prekeys", row.kid);
      continue;
    }
    const agreement = row.agreement && (await again(row.agreement));
    tx.put("keys", row.kid, { ...row, main: await again(row.main), ...(agreement && { agreement }) });
  }
  for (const [kid, row] of await tx.store.all("prekeys")) {
    if (row.box === undefined || retired.includes(String(kid))) continue;
    tx.put("prekeys", kid, { ...row, box: await move(row.box, prekeysContext(String(kid))) });
  }
  for (const [id, row] of await tx.store.all("sessions")) {
    tx.put("sessions", id, { ...row, box: await move(row.box, sessionContext(String(id))) });
  }
  return retired;
}

async function freshAuditKey(tx: Transaction, seal: Seal): Promise<AuditKeyRow> {
  const half = await generateSealed("Ed25519", seal);
  return { kid: await tx.core.thumbprint("Ed25519", half.publicKey), half };
}

/** The salt of the `strong.enter` ceremony: created in one transaction, used in the next. */
const salts = new WeakMap<object, Uint8Array<ArrayBuffer>>();

export const strong: Strong = {
  "strong.enter": {
    kind: "confirmed",
    request: async (tx, params) => {
      if (tx.state.strong !== undefined) throw new EnclaveError("already_strong", "strong mode is on");
      const salt = random(32);
      salts.set(params, salt);
      const rows = await tx.store.all("keys");
      const live = rows.filter(([, row]) => row.state === "live" && held(row)).length;
      return {
        page: {
          heading: "Lock the keys with a passkey?",
          paragraphs: [
            `From now on the keys of ${tx.host} in this browser work only after you unlock them with your passkey.`,
            `${live} existing keys cannot be moved. They will be retired, and ${tx.host} must create new ones.`,
            "If you lose the passkey, the keys are lost.",
          ],
          yes: "Use a passkey",
          no: "Cancel",
        },
        ceremony: { kind: "create", host: tx.host, salt: buffer(salt) },
      };
    },
    act: async (tx, params, result) => {
      const salt = salts.get(params);
      if (tx.state.strong !== undefined) throw new EnclaveError("already_strong", "strong mode is on");
      if (salt === undefined || result.credential === undefined) {
        throw new EnclaveError("passkey_failed", "the passkey returned no credential id");
      }
      const seal = await derived(result, salt, tx.host);
      const retired = await reseal(tx, tx.keyring.seal(), seal);
      const probe = await seal.seal(salt, PROBE);
      tx.delete("seal", ONLY);
      tx.rekey({ strong: { credential: owned(result.credential), salt, probe } }, seal, await freshAuditKey(tx, seal));
      tx.detail = { retired: retired.length, auditKey: tx.keyring.auditKey.kid };
      return { retired };
    },
  },

  "strong.unlock": {
    kind: "confirmed",
    request: async tx => {
      const { strong } = tx.state;
      if (strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      return {
        page: {
          heading: "Unlock the keys?",
          paragraphs: [`${tx.host} will be able to use its keys in this browser until the page is closed.`],
          yes: "Use the passkey",
          no: "Cancel",
        },
        ceremony: { kind: "use", credential: buffer(strong.credential), salt: buffer(strong.salt) },
      };
    },
    act: async (tx, _params, result) => {
      const { strong } = tx.state;
      if (strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      const seal = await derived(result, strong.salt, tx.host);
      await seal.open(strong.probe, PROBE).catch(() => {
        throw new EnclaveError("passkey_failed", "the passkey returned a different output than at enrollment");
      });
      tx.keyring.unlock(seal);
      // An unlock without an audit entry must not take effect.
      tx.rekeyed = true;
      return {};
    },
  },

  "strong.lock": {
    kind: "act",
    act: async tx => {
      if (tx.state.strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      tx.afterCommit.push(async () => tx.keyring.clear());
      return {};
    },
  },

  "strong.leave": {
    kind: "confirmed",
    request: async tx => {
      if (tx.state.strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      tx.keyring.seal();
      return {
        page: {
          heading: "Stop locking the keys?",
          paragraphs: [
            `The keys of ${tx.host} will work without your passkey.`,
            "Anyone who copies this browser's files can then use them.",
          ],
          yes: "Stop locking",
          no: "Cancel",
        },
      };
    },
    act: async tx => {
      if (tx.state.strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      const seal = await Seal.generate();
      await reseal(tx, tx.keyring.seal(), seal);
      tx.put("seal", ONLY, seal.key);
      tx.rekey({}, seal, await freshAuditKey(tx, seal));
      tx.detail = { auditKey: tx.keyring.auditKey.kid };
      return {};
    },
  },
};
