// The push service's check of a token. It uses no project code: Node's own cryptography verifies the enclave's
// signature.

import { createPublicKey, verify } from "node:crypto";

const DAY = 24 * 3600;

export interface Expected {
  /** The push service's origin. */
  readonly origin: string;
  /** The public key of the subscription, as a raw point. */
  readonly key: Buffer;
  readonly now: number;
}

/** Returns the reason for a refusal, or nothing. */
export function refusal(authorization: string | undefined, { origin, key, now }: Expected): string | undefined {
  if (authorization === undefined) return "no Authorization";
  const [, token = "", k = ""] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(authorization) ?? [];
  if (token === "") return "not a vapid Authorization";
  if (!Buffer.from(k, "base64url").equals(key)) return "another key than the subscription's";
  const [header = "", claims = "", signature = ""] = token.split(".");
  const { alg, typ } = json(header);
  if (alg !== "ES256" || (typ !== undefined && typ !== "JWT")) return "not an ES256 token";
  const jwk = { kty: "EC", crv: "P-256", x: text(key.subarray(1, 33)), y: text(key.subarray(33)) };
  const signer = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
  const signed = Buffer.from(`${header}.${claims}`);
  if (!verify("sha256", signed, signer, Buffer.from(signature, "base64url"))) return "the signature does not fit";
  const { aud, exp, sub } = json(claims);
  if (aud !== origin) return `aud is ${aud}, not ${origin}`;
  if (typeof exp !== "number" || exp <= now) return "expired";
  if (exp > now + DAY) return "longer than 24 hours";
  if (typeof sub !== "string" || !/^(mailto:.+@.+|https:\/\/.+)/.test(sub)) return "nobody to turn to";
  return undefined;
}

const text = (bytes: Buffer) => bytes.toString("base64url");

function json(part: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(Buffer.from(part, "base64url").toString()));
  } catch {
    return {};
  }
}
