// Public keys in three formats. The store holds the raw format: 65 bytes for P-256, as PushManager requires, and 32 for
// the others.

import { type Algorithm, EnclaveError, type PublicJwk } from "../../../../protocol/src/index.ts";
import { type Bytes, fromBase64url, joined, toBase64url } from "../../bytes.ts";

const hex = (text: string): Bytes => Uint8Array.from(text.match(/../g) ?? [], pair => Number.parseInt(pair, 16));

/** SubjectPublicKeyInfo up to the key itself (RFC 5480, RFC 8410). It is constant because the key lengths are. */
const SPKI: Readonly<Record<Algorithm, Bytes>> = {
  ES256: hex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
  Ed25519: hex("302a300506032b6570032100"),
  X25519: hex("302a300506032b656e032100"),
};

export const toSpki = (alg: Algorithm, raw: Bytes): Bytes => joined(SPKI[alg], raw);

export function toJwk(alg: Algorithm, raw: Bytes): PublicJwk {
  if (alg !== "ES256") return { kty: "OKP", crv: alg, x: toBase64url(raw) };
  return { kty: "EC", crv: "P-256", x: toBase64url(raw.subarray(1, 33)), y: toBase64url(raw.subarray(33, 65)) };
}

export function fromJwk(jwk: PublicJwk): { readonly alg: Algorithm; readonly raw: Bytes } {
  try {
    if (jwk.kty === "OKP") return { alg: jwk.crv, raw: fromBase64url(jwk.x) };
    return { alg: "ES256", raw: joined(Uint8Array.of(4), fromBase64url(jwk.x), fromBase64url(jwk.y)) };
  } catch {
    throw new EnclaveError("bad_key", "the key is not base64url");
  }
}
