// Strong mode: the seal comes from a passkey (WebAuthn PRF, HKDF) and is never stored. Keys that lie in the store as
// objects of the browser cannot be sealed afterwards; they are retired, because a disk that somebody copied has them.

import { EnclaveError, type Kid } from "../../../../protocol/src/index.ts";
import { buffer, owned, random } from "../../bytes.ts";
import type { Handlers, Yes } from "../handler.ts";
import { makeSealed, sealHalf, unsealed } from "../keys/custody.ts";
import { type Box, Seal } from "../keys/seal.ts";
import { type AuditKeyRow, type Half, type KeyRow, ONLY } from "../store/rows.ts";
import type { Turn } from "../turn.ts";
import { tombstone } from "./birth.ts";
import { aboutPrekeys, aboutSession } from "./sealed.ts";

type Strong = Pick<Handlers, "strong.enter" | "strong.unlock" | "strong.lock" | "strong.leave">;

const PROBE = "strong mode";

async function derived(told: Yes, salt: Uint8Array, host: string): Promise<Seal> {
  if (told.prf?.byteLength !== 32) throw new EnclaveError("passkey_failed", "the passkey gave no PRF output");
  const secret = owned(told.prf);
  try {
    return await Seal.derived(secret, owned(salt), `briefcase enclave strong v1 ${host}`);
  } finally {
    secret.fill(0);
    new Uint8Array(told.prf).fill(0);
  }
}

const held = (row: KeyRow) => [row.main, row.agreement].some(half => half?.custody?.kind === "held");

/** Everything sealed goes under another seal. Gives the keys that could not, because the browser holds them. */
async function reseal(turn: Turn, from: Seal, to: Seal): Promise<readonly Kid[]> {
  const again = async (half: Half): Promise<Half> =>
    half.custody?.kind === "sealed" ? sealHalf(half.alg, half.publicKey, await unsealed(half, from), to) : half;
  const move = async (box: Box, about: string): Promise<Box> => to.close(await from.open(box, about), about);
  const retired: Kid[] = [];
  for (const [, row] of await turn.store.all("keys")) {
    if (held(row)) {
      retired.push(row.kid);
      turn.put("keys", row.kid, tombstone(row, "retired"));
      turn.erase("prekeys", row.kid);
      continue;
    }
    const agreement = row.agreement && (await again(row.agreement));
    turn.put("keys", row.kid, { ...row, main: await again(row.main), ...(agreement && { agreement }) });
  }
  for (const [kid, row] of await turn.store.all("prekeys")) {
    if (row.box === undefined || retired.includes(String(kid))) continue;
    turn.put("prekeys", kid, { ...row, box: await move(row.box, aboutPrekeys(String(kid))) });
  }
  for (const [id, row] of await turn.store.all("sessions")) {
    turn.put("sessions", id, { ...row, box: await move(row.box, aboutSession(String(id))) });
  }
  return retired;
}

async function freshAuditKey(turn: Turn, seal: Seal): Promise<AuditKeyRow> {
  const half = await makeSealed("Ed25519", seal);
  return { kid: await turn.core.thumbprint("Ed25519", half.publicKey), half };
}

/** The salt that the ceremony of `strong.enter` used: asked for in one turn, needed in the next. */
const salts = new WeakMap<object, Uint8Array<ArrayBuffer>>();

export const strong: Strong = {
  "strong.enter": {
    kind: "asked",
    ask: async (turn, params) => {
      if (turn.state.strong !== undefined) throw new EnclaveError("already_strong", "strong mode is on");
      const salt = random(32);
      salts.set(params, salt);
      const rows = await turn.store.all("keys");
      const live = rows.filter(([, row]) => row.state === "live" && held(row)).length;
      return {
        page: {
          heading: "Lock the keys with a passkey?",
          paragraphs: [
            `From now on the keys of ${turn.host} in this browser work only after you unlock them with your passkey.`,
            `${live} keys made before cannot be moved. They will be retired, and ${turn.host} has to make new ones.`,
            "If you lose the passkey, the keys are lost.",
          ],
          yes: "Use a passkey",
          no: "Cancel",
        },
        ceremony: { kind: "create", host: turn.host, salt: buffer(salt) },
      };
    },
    act: async (turn, params, told) => {
      const salt = salts.get(params);
      if (turn.state.strong !== undefined) throw new EnclaveError("already_strong", "strong mode is on");
      if (salt === undefined || told.credential === undefined) {
        throw new EnclaveError("passkey_failed", "the passkey did not name itself");
      }
      const seal = await derived(told, salt, turn.host);
      const retired = await reseal(turn, turn.keyring.seal(), seal);
      const probe = await seal.close(salt, PROBE);
      turn.erase("seal", ONLY);
      turn.rekey(
        { strong: { credential: owned(told.credential), salt, probe } },
        seal,
        await freshAuditKey(turn, seal),
      );
      turn.detail = { retired: retired.length, auditKey: turn.keyring.auditKey.kid };
      return { retired };
    },
  },

  "strong.unlock": {
    kind: "asked",
    ask: async turn => {
      const { strong } = turn.state;
      if (strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      return {
        page: {
          heading: "Unlock the keys?",
          paragraphs: [`${turn.host} will be able to use its keys in this browser until the page is closed.`],
          yes: "Use the passkey",
          no: "Cancel",
        },
        ceremony: { kind: "use", credential: buffer(strong.credential), salt: buffer(strong.salt) },
      };
    },
    act: async (turn, _params, told) => {
      const { strong } = turn.state;
      if (strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      const seal = await derived(told, strong.salt, turn.host);
      await seal.open(strong.probe, PROBE).catch(() => {
        throw new EnclaveError("passkey_failed", "the passkey gave another output than at the beginning");
      });
      turn.keyring.unlock(seal);
      // Without its entry in the record there is no unlocking.
      turn.rekeyed = true;
      return {};
    },
  },

  "strong.lock": {
    kind: "act",
    act: async turn => {
      if (turn.state.strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      turn.proofs.push(async () => turn.keyring.forget());
      return {};
    },
  },

  "strong.leave": {
    kind: "asked",
    ask: async turn => {
      if (turn.state.strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      turn.keyring.seal();
      return {
        page: {
          heading: "Stop locking the keys?",
          paragraphs: [
            `The keys of ${turn.host} will work without your passkey.`,
            "Whoever copies this browser's files can then use them.",
          ],
          yes: "Stop locking",
          no: "Cancel",
        },
      };
    },
    act: async turn => {
      if (turn.state.strong === undefined) throw new EnclaveError("not_strong", "strong mode is off");
      const seal = await Seal.ofDevice();
      await reseal(turn, turn.keyring.seal(), seal);
      turn.put("seal", ONLY, seal.key);
      turn.rekey({}, seal, await freshAuditKey(turn, seal));
      turn.detail = { auditKey: turn.keyring.auditKey.kid };
      return {};
    },
  },
};
