// Backups, for keys that were generated as recoverable and for no others. The code is 160 random bits, shown to the
// person in the enclave's page and to nobody else, so HKDF is enough: there is nothing to guess.

import { list, matching, one, shape, whole } from "../../../../protocol/src/check.ts";
import {
  ALGORITHMS,
  ALLOWED,
  EnclaveError,
  type Kid,
  LIMITS,
  PURPOSES,
  type Purpose,
} from "../../../../protocol/src/index.ts";
import { type Bytes, buffer, fromBase64url, joined, owned, random, toBase64url, utf8 } from "../../bytes.ts";
import type { Handlers } from "../handler.ts";
import { sealHalf, unsealed } from "../keys/custody.ts";
import { Seal } from "../keys/seal.ts";
import type { Half, KeyRow } from "../store/rows.ts";
import type { Turn } from "../turn.ts";

type Backup = Pick<Handlers, "backup.create" | "backup.restore">;

/** Crockford's letters: none reads as another. */
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const MAGIC = utf8("BCBK0001");
const ABOUT = "briefcase enclave backup v1";

/** 160 bits as eight groups of four. */
export function codeOf(bytes: Bytes): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  const letters = (bits.match(/.{5}/g) ?? []).map(five => LETTERS[Number.parseInt(five, 2)]).join("");
  return (letters.match(/.{4}/g) ?? []).join("-");
}

/** What a person typed, as bytes; kind to case, blanks and look-alikes. */
export function readCode(typed: string): Bytes {
  const clean = typed.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  const five = Array.from(clean, letter => LETTERS.indexOf(letter));
  if (five.length !== 32 || five.includes(-1)) throw new EnclaveError("bad_backup", "this is not a recovery code");
  const bits = five.map(value => value.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], eight => Number.parseInt(eight, 2));
}

const sealOf = (code: Bytes, salt: Bytes, host: string) => Seal.derived(code, salt, `${ABOUT} ${host}`);

const base64url = matching(/^[A-Za-z0-9_-]{1,1024}$/, "base64url");
const half = shape({ alg: one(ALGORITHMS), publicKey: base64url, secret: base64url });
const contents = shape({
  keys: list(
    shape({
      kid: base64url,
      purpose: one(PURPOSES),
      created: whole(0, Number.MAX_SAFE_INTEGER),
      halves: list(half, 2, 1),
    }),
    LIMITS.keys,
  ),
});

async function written(turn: Turn, row: KeyRow) {
  const seal = turn.keyring.seal();
  const halves = [];
  for (const { alg, publicKey, custody } of [row.main, ...(row.agreement === undefined ? [] : [row.agreement])]) {
    const secret = await unsealed({ alg, publicKey, ...(custody && { custody }) }, seal);
    halves.push({ alg, publicKey: toBase64url(publicKey), secret: toBase64url(secret) });
    secret.fill(0);
  }
  return { kid: row.kid, purpose: row.purpose, created: row.created, halves };
}

/** The code of a backup that is being made: asked for in one turn, needed in the next. */
const codes = new WeakMap<object, Bytes>();

async function recoverable(turn: Turn, kid: Kid): Promise<KeyRow> {
  const row = await turn.live(kid);
  if (!row.recoverable) throw new EnclaveError("not_recoverable", "this key was not generated as recoverable");
  return row;
}

export const backup: Backup = {
  "backup.create": {
    kind: "asked",
    ask: async (turn, params) => {
      turn.keyring.seal();
      for (const kid of params.kids) await recoverable(turn, kid);
      const code = random(20);
      codes.set(params, code);
      return {
        page: {
          heading: "Make a backup?",
          paragraphs: [
            `${turn.host} gets a sealed copy of ${params.kids.length} keys. It opens only with this recovery code.`,
            "Write the code down now. It is shown once, here, and to nobody else.",
          ],
          code: codeOf(code),
          prompt: "Type the last four characters of the code",
          yes: "Make the backup",
          no: "Cancel",
        },
      };
    },
    act: async (turn, params) => {
      const code = codes.get(params);
      if (code === undefined) throw new EnclaveError("internal", "no code was shown");
      const keys = [];
      for (const kid of params.kids) keys.push(await written(turn, await recoverable(turn, kid)));
      const salt = random(16);
      const box = await (await sealOf(code, salt, turn.host)).close(utf8(JSON.stringify({ keys })), ABOUT);
      code.fill(0);
      turn.detail = { keys: keys.length };
      return { backup: buffer(joined(MAGIC, salt, box.iv, box.sealed)) };
    },
  },

  "backup.restore": {
    kind: "asked",
    ask: async turn => {
      turn.keyring.seal();
      return {
        page: {
          heading: "Restore keys from a backup?",
          paragraphs: [`${turn.host} will be able to use the keys in the backup again. Type its recovery code.`],
          prompt: "Recovery code",
          yes: "Restore",
          no: "Cancel",
        },
      };
    },
    act: async (turn, params, told) => {
      const keys = await read(owned(params.backup), readCode(told.typed ?? ""), turn.host);
      const kids: Kid[] = [];
      for (const key of keys) if (await restore(turn, key)) kids.push(key.kid);
      const count = (await turn.store.count("keys")) + kids.length;
      if (count > LIMITS.keys) throw new EnclaveError("key_limit", "too many keys");
      turn.detail = { keys: kids.length };
      return { kids };
    },
  },
};

async function read(bytes: Bytes, code: Bytes, host: string) {
  const [magic, salt, iv, sealed] = [bytes.slice(0, 8), bytes.slice(8, 24), bytes.slice(24, 36), bytes.slice(36)];
  if (toBase64url(magic) !== toBase64url(MAGIC)) throw new EnclaveError("bad_backup", "this is not a backup");
  const plain = await (await sealOf(code, salt, host)).open({ iv, sealed }, ABOUT).catch(() => {
    throw new EnclaveError("bad_backup", "the code does not open this backup for this host");
  });
  try {
    return contents(JSON.parse(new TextDecoder().decode(plain)), "backup").keys;
  } finally {
    plain.fill(0);
  }
}

type Read = Awaited<ReturnType<typeof read>>[number];

/** Puts one key back under its old name. A key that is here is left as it is: what was rotated or revoked stays so. */
async function restore(turn: Turn, key: Read): Promise<boolean> {
  const known = await turn.store.read("keys", key.kid);
  if (known?.state === "revoked") throw new EnclaveError("key_revoked", "the backup has a key that was revoked");
  if (known !== undefined) return false;
  const [main, agreement] = await Promise.all(key.halves.map(one => resealed(turn, one)));
  const purpose: Purpose = key.purpose;
  if (main === undefined || !ALLOWED[purpose].includes(main.alg)) throw new EnclaveError("bad_backup", "odd key");
  if ((await turn.core.thumbprint(main.alg, main.publicKey)) !== key.kid) {
    throw new EnclaveError("bad_backup", "a key is not the one that its name says");
  }
  const row: KeyRow = { kid: key.kid, purpose, state: "live", recoverable: true, created: key.created, main };
  turn.put("keys", key.kid, { ...row, ...(agreement && { agreement }) });
  return true;
}

function resealed(turn: Turn, one: Read["halves"][number]): Promise<Half> {
  return sealHalf(one.alg, fromBase64url(one.publicKey), fromBase64url(one.secret), turn.keyring.seal());
}
