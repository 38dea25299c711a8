// The text encodings of bytes and public keys, compared with Node's own.

import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { test } from "node:test";
import { equal, fromBase64url, joined, toBase64url } from "../../src/bytes.ts";
import { fromJwk, toJwk, toSpki } from "../../src/worker/keys/public.ts";

test("base64url equals Node's encoding, both ways, for every length", () => {
  for (let length = 0; length < 100; length += 1) {
    const bytes = new Uint8Array(randomBytes(length));
    assert.equal(toBase64url(bytes), Buffer.from(bytes).toString("base64url"));
    assert.ok(equal(fromBase64url(toBase64url(bytes)), bytes));
  }
  assert.throws(() => fromBase64url("a*"));
});

test("bytes compare and join correctly", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assert.ok(equal(joined(bytes.subarray(0, 1), bytes.subarray(1)), bytes));
  assert.ok(!equal(bytes, bytes.subarray(0, 2)));
  assert.ok(!equal(bytes, new Uint8Array([1, 2, 4])));
});

const MADE: readonly (readonly ["ES256" | "Ed25519" | "X25519", KeyObject])[] = [
  ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey],
  ["Ed25519", generateKeyPairSync("ed25519").publicKey],
  ["X25519", generateKeyPairSync("x25519").publicKey],
];

for (const [alg, key] of MADE) {
  test(`${alg}: raw, JWK and SPKI describe one key, as Node reads them`, () => {
    const { kty, crv, x = "", y = "" } = key.export({ format: "jwk" });
    const given = alg === "ES256" ? { kty: "EC", crv: "P-256", x, y } : { kty, crv, x };
    const { alg: read, raw } = fromJwk(given as Parameters<typeof fromJwk>[0]);
    assert.equal(read, alg);
    assert.equal(raw.length, alg === "ES256" ? 65 : 32);
    assert.deepEqual(toJwk(alg, raw), given);
    const again = createPublicKey({ key: Buffer.from(toSpki(alg, raw)), format: "der", type: "spki" });
    assert.ok(again.equals(key));
  });
}
