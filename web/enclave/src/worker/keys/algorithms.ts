// The three algorithms on WebCrypto. Private keys are non-extractable objects. Only this file can create an extractable
// key, and only for a key that is sealed right after generation.

import { type Algorithm, EnclaveError } from "../../../../protocol/src/index.ts";
import { type Bytes, equal, owned, random } from "../../bytes.ts";

interface Parameters {
  readonly make: AlgorithmIdentifier | EcKeyGenParams;
  readonly pair: readonly KeyUsage[];
  readonly own: readonly KeyUsage[];
  readonly others: readonly KeyUsage[];
  readonly use: AlgorithmIdentifier | EcdsaParams;
}

const PARAMETERS: Readonly<Record<Algorithm, Parameters>> = {
  ES256: {
    make: { name: "ECDSA", namedCurve: "P-256" },
    pair: ["sign", "verify"],
    own: ["sign"],
    others: ["verify"],
    use: { name: "ECDSA", hash: "SHA-256" },
  },
  Ed25519: {
    make: { name: "Ed25519" },
    pair: ["sign", "verify"],
    own: ["sign"],
    others: ["verify"],
    use: { name: "Ed25519" },
  },
  X25519: { make: { name: "X25519" }, pair: ["deriveBits"], own: ["deriveBits"], others: [], use: { name: "X25519" } },
};

/** A new key pair: the private key and the raw public key. */
export interface Pair {
  readonly secret: CryptoKey;
  readonly publicKey: Bytes;
}

/** WebKitGTK sometimes fails to generate a key of a supported algorithm. */
const MAX_ATTEMPTS = 4;

export async function generate(alg: Algorithm, extractable: boolean): Promise<Pair> {
  const form = PARAMETERS[alg];
  let last: unknown;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    try {
      const made = await crypto.subtle.generateKey(form.make, extractable, [...form.pair]);
      if (!("privateKey" in made)) break;
      return { secret: made.privateKey, publicKey: await exportKeyBytes("raw", made.publicKey) };
    } catch (thrown) {
      last = thrown;
    }
  }
  const name = last instanceof Error ? last.name : "no key pair";
  throw new EnclaveError("unsupported", `this browser cannot generate ${alg} keys (${name})`);
}

export async function exportKeyBytes(format: "raw" | "pkcs8", key: CryptoKey): Promise<Bytes> {
  return owned(await crypto.subtle.exportKey(format, key));
}

/** Imports a private key from PKCS #8 as non-extractable. */
export function importSecret(alg: Algorithm, pkcs8: Bytes): Promise<CryptoKey> {
  const form = PARAMETERS[alg];
  return crypto.subtle.importKey("pkcs8", pkcs8, form.make, false, [...form.own]);
}

async function importPublic(alg: Algorithm, raw: Bytes): Promise<CryptoKey> {
  const form = PARAMETERS[alg];
  try {
    return await crypto.subtle.importKey("raw", raw, form.make, true, [...form.others]);
  } catch {
    throw new EnclaveError("bad_key", `not a public key for ${alg}`);
  }
}

export async function sign(alg: Algorithm, secret: CryptoKey, bytes: Bytes): Promise<Bytes> {
  return owned(await crypto.subtle.sign(PARAMETERS[alg].use, secret, bytes));
}

export async function verify(alg: Algorithm, raw: Bytes, signature: Bytes, bytes: Bytes): Promise<boolean> {
  return crypto.subtle.verify(PARAMETERS[alg].use, await importPublic(alg, raw), signature, bytes);
}

/** X25519. All tested engines reject a peer key that gives an all-zero secret. The check covers engines that do not. */
export async function agree(secret: CryptoKey, peer: Bytes): Promise<Bytes> {
  const key = await importPublic("X25519", peer);
  const shared = await crypto.subtle
    .deriveBits({ name: "X25519", public: key }, secret, 256)
    .then(owned, () => undefined);
  if (shared === undefined || shared.every(byte => byte === 0)) {
    throw new EnclaveError("bad_key", "the peer's public key gives an all-zero secret");
  }
  return shared;
}

/** Uses a private key and verifies the result with its public key. */
export async function isMatchingPair(alg: Algorithm, secret: CryptoKey, publicKey: Bytes): Promise<boolean> {
  try {
    if (alg === "X25519") {
      const other = await generate(alg, false);
      return equal(await agree(secret, other.publicKey), await agree(other.secret, publicKey));
    }
    const probe = random(32);
    return await verify(alg, publicKey, await sign(alg, secret, probe), probe);
  } catch {
    return false;
  }
}
