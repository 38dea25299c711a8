// Where a private key is kept, and how it is had for use. Held keys are objects of the browser that nothing can export;
// sealed ones are PKCS #8 under the seal, and become such an object for use only. A key is sealed when it may be backed
// up, when strong mode is on, and where the engine loses keys of its algorithm from the disk.

import { type Algorithm, EnclaveError } from "../../../../protocol/src/index.ts";
import type { Bytes } from "../../bytes.ts";
import { toBase64url } from "../../bytes.ts";
import type { StoredKeyPair } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { exportKeyBytes, generate, importSecret, isMatchingPair } from "./algorithms.ts";
import type { Seal } from "./seal.ts";

/** What a sealed private key is bound to: its algorithm and its own public key. */
const about = (alg: Algorithm, publicKey: Bytes): string => `key ${alg} ${toBase64url(publicKey)}`;

export async function generateSealed(alg: Algorithm, seal: Seal): Promise<StoredKeyPair> {
  const { secret, publicKey } = await generate(alg, true);
  return sealKeyPair(alg, publicKey, await exportKeyBytes("pkcs8", secret), seal);
}

/** Seals PKCS #8 and wipes it, after a check that it is the private half of the public key. */
export async function sealKeyPair(alg: Algorithm, publicKey: Bytes, pkcs8: Bytes, seal: Seal): Promise<StoredKeyPair> {
  try {
    const secret = await importSecret(alg, pkcs8).catch(() => undefined);
    if (secret === undefined || !(await isMatchingPair(alg, secret, publicKey))) {
      throw new EnclaveError("unsupported", `${alg} keys do not work here`);
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

/** PKCS #8 of a sealed key. The caller wipes it. */
export function exportSealed(half: StoredKeyPair, seal: Seal): Promise<Bytes> {
  if (half.custody?.kind !== "sealed") throw new EnclaveError("not_recoverable", "this key cannot be taken out");
  return seal.open(half.custody.box, about(half.alg, half.publicKey));
}

/** The private key for use. */
export async function loadPrivateKey(half: StoredKeyPair, seal: () => Seal): Promise<CryptoKey> {
  const { custody } = half;
  if (custody === undefined) throw new EnclaveError("key_lost", "there is no private key");
  // What an engine lost comes back as `null`, whatever the types say.
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

/** Which algorithms this engine gives back from the disk as it got them, tried once each in the worker's life. */
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

/** Whether a key that was read back still does what its public half says. */
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
