// Backups of recoverable keys. The recovery code is 160 random bits that only the enclave's page shows. It cannot be
// guessed, so HKDF is sufficient.

import { integer, list, matching, oneOf, shape } from "../../../../protocol/src/check.ts";
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
import { exportSealed, sealKeyPair } from "../keys/key_storage.ts";
import { Seal } from "../keys/seal.ts";
import type { KeyRow, StoredKeyPair } from "../store/rows.ts";
import type { Transaction } from "../transaction.ts";

type Backup = Pick<Handlers, "backup.create" | "backup.restore">;

/** Crockford's base32 alphabet, without look-alike letters. */
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const MAGIC = utf8("BCBK0001");
const ABOUT = "briefcase enclave backup v1";

/** Formats 160 bits as eight groups of four characters. */
export function formatCode(bytes: Bytes): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  const letters = (bits.match(/.{5}/g) ?? []).map(five => LETTERS[Number.parseInt(five, 2)]).join("");
  return (letters.match(/.{4}/g) ?? []).join("-");
}

/** Parses a typed code. Ignores case and spaces, and accepts look-alike letters. */
export function parseCode(typed: string): Bytes {
  const clean = typed.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  const five = Array.from(clean, letter => LETTERS.indexOf(letter));
  if (five.length !== 32 || five.includes(-1)) throw new EnclaveError("bad_backup", "this is not a recovery code");
  const bits = five.map(value => value.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], eight => Number.parseInt(eight, 2));
}

const sealOf = (code: Bytes, salt: Bytes, host: string) => Seal.derived(code, salt, `${ABOUT} ${host}`);

const base64url = matching(/^[A-Za-z0-9_-]{1,1024}$/, "base64url");
const half = shape({ alg: oneOf(ALGORITHMS), publicKey: base64url, secret: base64url });
const contents = shape({
  keys: list(
    shape({
      kid: base64url,
      purpose: oneOf(PURPOSES),
      created: integer(0, Number.MAX_SAFE_INTEGER),
      halves: list(half, 2, 1),
    }),
    LIMITS.keys,
  ),
});

async function exportKey(tx: Transaction, row: KeyRow) {
  const seal = tx.keyring.seal();
  const halves = [];
  for (const { alg, publicKey, custody } of [row.main, ...(row.agreement === undefined ? [] : [row.agreement])]) {
    const secret = await exportSealed({ alg, publicKey, ...(custody && { custody }) }, seal);
    halves.push({ alg, publicKey: toBase64url(publicKey), secret: toBase64url(secret) });
    secret.fill(0);
  }
  return { kid: row.kid, purpose: row.purpose, created: row.created, halves };
}

/** The code of a backup in progress: shown in one transaction, used in the next. */
const codes = new WeakMap<object, Bytes>();

async function recoverable(tx: Transaction, kid: Kid): Promise<KeyRow> {
  const row = await tx.activeKey(kid);
  if (!row.recoverable) throw new EnclaveError("not_recoverable", "this key was not generated as recoverable");
  return row;
}

export const backup: Backup = {
  "backup.create": {
    kind: "confirmed",
    request: async (tx, params) => {
      tx.keyring.seal();
      for (const kid of params.kids) await recoverable(tx, kid);
      const code = random(20);
      codes.set(params, code);
      return {
        page: {
          heading: "Create a backup?",
          paragraphs: [
            `${tx.host} gets an encrypted copy of ${params.kids.length} keys. Only this recovery code decrypts it.`,
            "Write the code down now. It is shown only once, and only here.",
          ],
          code: formatCode(code),
          prompt: "Enter the last group to confirm you saved it",
          yes: "Create backup",
          no: "Cancel",
        },
      };
    },
    act: async (tx, params) => {
      const code = codes.get(params);
      if (code === undefined) throw new EnclaveError("internal", "no code was shown");
      const keys = [];
      for (const kid of params.kids) keys.push(await exportKey(tx, await recoverable(tx, kid)));
      const salt = random(16);
      const box = await (await sealOf(code, salt, tx.host)).seal(utf8(JSON.stringify({ keys })), ABOUT);
      code.fill(0);
      tx.detail = { keys: keys.length };
      return { backup: buffer(joined(MAGIC, salt, box.iv, box.sealed)) };
    },
  },

  "backup.restore": {
    kind: "confirmed",
    request: async tx => {
      tx.keyring.seal();
      return {
        page: {
          heading: "Restore keys from a backup?",
          paragraphs: [`${tx.host} will be able to use the keys in the backup again. Enter its recovery code.`],
          prompt: "Recovery code",
          yes: "Restore",
          no: "Cancel",
        },
      };
    },
    act: async (tx, params, result) => {
      const keys = await read(owned(params.backup), parseCode(result.typed ?? ""), tx.host);
      const kids: Kid[] = [];
      for (const key of keys) if (await restore(tx, key)) kids.push(key.kid);
      const count = (await tx.store.count("keys")) + kids.length;
      if (count > LIMITS.keys) throw new EnclaveError("key_limit", "too many keys");
      tx.detail = { keys: kids.length };
      return { kids };
    },
  },
};

async function read(bytes: Bytes, code: Bytes, host: string) {
  const [magic, salt, iv, sealed] = [bytes.slice(0, 8), bytes.slice(8, 24), bytes.slice(24, 36), bytes.slice(36)];
  if (toBase64url(magic) !== toBase64url(MAGIC)) throw new EnclaveError("bad_backup", "this is not a backup");
  const plain = await (await sealOf(code, salt, host)).open({ iv, sealed }, ABOUT).catch(() => {
    throw new EnclaveError("bad_backup", "the code does not decrypt this backup for this host");
  });
  try {
    return contents(JSON.parse(new TextDecoder().decode(plain)), "backup").keys;
  } finally {
    plain.fill(0);
  }
}

type Read = Awaited<ReturnType<typeof read>>[number];

/** Restores one key under its old id. An existing key stays as it is, so a rotated or revoked key stays so. */
async function restore(tx: Transaction, key: Read): Promise<boolean> {
  const known = await tx.store.read("keys", key.kid);
  if (known?.state === "revoked") throw new EnclaveError("key_revoked", "the backup contains a revoked key");
  if (known !== undefined) return false;
  const [main, agreement] = await Promise.all(key.halves.map(one => resealed(tx, one)));
  const purpose: Purpose = key.purpose;
  if (main === undefined || !ALLOWED[purpose].includes(main.alg))
    throw new EnclaveError("bad_backup", "a key has an unexpected algorithm");
  if ((await tx.core.thumbprint(main.alg, main.publicKey)) !== key.kid) {
    throw new EnclaveError("bad_backup", "a key does not match its key id");
  }
  const row: KeyRow = { kid: key.kid, purpose, state: "live", recoverable: true, created: key.created, main };
  tx.put("keys", key.kid, { ...row, ...(agreement && { agreement }) });
  return true;
}

function resealed(tx: Transaction, one: Read["halves"][number]): Promise<StoredKeyPair> {
  return sealKeyPair(one.alg, fromBase64url(one.publicKey), fromBase64url(one.secret), tx.keyring.seal());
}
