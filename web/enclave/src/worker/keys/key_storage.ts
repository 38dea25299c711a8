// The storage of private keys. Held keys are non-extractable browser objects. Sealed keys are PKCS #8 under the seal,
// imported only for use. A key is sealed if it may be backed up, if strong mode is on, or if the engine loses keys of
// its algorithm on disk.

import { type Algorithm, EnclaveError } from "../../../../protocol/src/index.ts";
import type { Bytes } from "../../bytes.ts";
import { toBase64url } from "../../bytes.ts";
import type { StoredKeyPair } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { exportKeyBytes, generate, importSecret, isMatchingPair } from "./algorithms.ts";
import type { Seal } from "./seal.ts";

/** The context of a sealed private key: its algorithm and its own public key. */
const about = (alg: Algorithm, publicKey: Bytes): string => `key ${alg} ${toBase64url(publicKey)}`;

export async function generateSealed(alg: Algorithm, seal: Seal): Promise<StoredKeyPair> {
  const { secret, publicKey } = await generate(alg, true);
  return sealKeyPair(alg, publicKey, await exportKeyBytes("pkcs8", secret), seal);
}

/** Seals PKCS #8 and wipes it, after a check that it matches the public key. */
export async function sealKeyPair(alg: Algorithm, publicKey: Bytes, pkcs8: Bytes, seal: Seal): Promise<StoredKeyPair> {
  try {
    const secret = await importSecret(alg, pkcs8).catch(() => undefined);
    if (secret === undefined || !(await isMatchingPair(alg, secret, publicKey))) {
      throw new EnclaveError("unsupported", `${alg} keys do not work in this browser`);
    }
    const box = await seal.seal(pkcs8, about(alg, publicKey));
    return { alg, publicKey, custody: { kind: "sealed", box } };
  } finally {
    pkcs8.fill(0);
  }
}

export async function generateNonExtractable(alg: Algorithm): Promise<StoredKeyPair> {
  const { secret, publicKey } = await generate(alg, false);
  return { alg, publicKey, custody: { kind: "held", key: secret } };
}

/** Returns the PKCS #8 of a sealed key. The caller wipes it. */
export function exportSealed(half: StoredKeyPair, seal: Seal): Promise<Bytes> {
  if (half.custody?.kind !== "sealed") throw new EnclaveError("not_recoverable", "this key cannot be exported");
  return seal.open(half.custody.box, about(half.alg, half.publicKey));
}

/** Returns the private key for use. */
export async function loadPrivateKey(half: StoredKeyPair, seal: () => Seal): Promise<CryptoKey> {
  const { custody } = half;
  if (custody === undefined) throw new EnclaveError("key_lost", "the private key is missing");
  // An engine returns a lost key as `null`, despite the types.
  if (custody.kind === "held") {
    if (!(custody.key instanceof CryptoKey)) throw new EnclaveError("key_lost", "the browser lost the private key");
    return custody.key;
  }
  const pkcs8 = await exportSealed(half, seal());
  try {
    return await importSecret(half.alg, pkcs8);
  } finally {
    pkcs8.fill(0);
  }
}

/** The algorithms whose keys this engine stores on disk unchanged. Each is tried once per worker. */
export class PersistenceProbe {
  readonly #tried = new Map<Algorithm, Promise<boolean>>();

  constructor(readonly store: Store) {}

  persists(alg: Algorithm): Promise<boolean> {
    const known = this.#tried.get(alg) ?? this.#try(alg);
    this.#tried.set(alg, known);
    return known;
  }

  async #try(alg: Algorithm): Promise<boolean> {
    const key = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
    await this.store.commit([{ table: "staging", key, row: await generateNonExtractable(alg) }]);
    const back = await this.store.read("staging", key);
    await this.store.commit([{ table: "staging", key }]);
    return back !== undefined && (await isUsable(back, undefined));
  }
}

/** Checks that a key from the store still matches its public key. */
export async function isUsable(half: StoredKeyPair, seal: Seal | undefined): Promise<boolean> {
  const need = () => {
    if (seal === undefined) throw new EnclaveError("locked", "the seal is not open");
    return seal;
  };
  try {
    return await isMatchingPair(half.alg, await loadPrivateKey(half, need), half.publicKey);
  } catch {
    return false;
  }
}
