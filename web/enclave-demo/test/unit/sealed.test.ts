// The page decrypts messages sealed for it, and no others. The message is that of RFC 8291, section 5.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { base64url, unbase64url } from "../../src/bytes.ts";
import { Receiver } from "../../src/push/sealed.ts";

declare const DEMO_FOLDER: string;

async function sample() {
  const vector = JSON.parse(await readFile(`${DEMO_FOLDER}../../vectors/push/rfc8291.json`, "utf8"));
  const point = unbase64url(vector.p256dh);
  const [x, y] = [base64url(point.slice(1, 33)), base64url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", x, y };
  const form = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", { ...jwk, d: vector.receiver_secret }, form, false, [
    "deriveBits",
  ]);
  const publicKey = await crypto.subtle.importKey("jwk", jwk, form, true, []);
  const receiver = await Receiver.of({ privateKey, publicKey }, unbase64url(vector.auth));
  return { receiver, body: unbase64url(vector.body), vector };
}

test("the RFC's message decrypts", async () => {
  const { receiver, body } = await sample();
  assert.equal(await receiver.open(body), "When I grow up, I want to be a watermelon");
});

test("a changed byte or another receiver fails", async () => {
  const { receiver, body } = await sample();
  for (const at of [0, 15, 30, 70, 90, body.length - 1]) {
    const bent = body.slice();
    bent[at] = (bent[at] ?? 0) ^ 1;
    await assert.rejects(receiver.open(bent), `byte ${at}`);
  }
  await assert.rejects((await Receiver.create()).open(body));
});

test("base64url round trip", () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assert.deepEqual(unbase64url(base64url(bytes)), bytes);
  }
});
