import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkParams,
  EnclaveError,
  ERROR_CODES,
  METHODS,
  type Method,
  readIncoming,
  readOpen,
  readRequest,
} from "../src/index.ts";

const KID = "a".repeat(43);
const SESSION = "s".repeat(22);
const JWK = { kty: "OKP", crv: "X25519", x: KID };
const buffer = (length: number) => new ArrayBuffer(length);

/** One good set of parameters for each method. */
const GOOD: { readonly [M in Method]: object } = {
  version: {},
  status: {},
  list: {},
  generate: { alg: "ES256", purpose: "signing", recoverable: true },
  publicKey: { kid: KID, format: "raw" },
  sign: { kid: KID, bytes: buffer(3) },
  verify: { publicKey: { kty: "EC", crv: "P-256", x: KID, y: KID }, bytes: buffer(1), signature: buffer(64) },
  derive: { kid: KID, peer: JWK, info: buffer(0) },
  vapidHeaders: { kid: KID, aud: "https://push.example", sub: "mailto:a@b.example", ttl: 60, relay: true },
  approve: { kid: KID, approval: "apr_1", text: "x", digest: KID, expires: 1 },
  rotate: { kid: KID },
  revoke: { kid: KID },
  audit: { from: 0, count: 5 },
  "session.card": { kid: KID },
  "session.safetyNumber": { kid: KID, peer: buffer(9) },
  "session.prekeys": { kid: KID, oneTime: 5, renew: true },
  "session.initiate": { kid: KID, bundle: buffer(9), peer: buffer(9), agreement: "x3dh", hideHeaders: true },
  "session.accept": { kid: KID, message: buffer(9), x3dh: true, associated: buffer(1) },
  "session.encrypt": { session: SESSION, plaintext: buffer(0), associated: buffer(1) },
  "session.decrypt": { session: SESSION, message: buffer(9), associated: buffer(1) },
  "session.list": {},
  "session.end": { session: SESSION },
  "backup.create": { kids: [KID] },
  "backup.restore": { backup: buffer(8) },
  "strong.enter": {},
  "strong.unlock": {},
  "strong.lock": {},
  "strong.leave": {},
  reset: {},
};

const refused = (code: string) => (error: unknown) => error instanceof EnclaveError && error.code === code;

for (const method of METHODS) {
  test(`${method}: good parameters pass unchanged`, () => {
    assert.deepEqual(checkParams(method, GOOD[method]), GOOD[method]);
  });

  test(`${method}: extra members, other prototypes and non-objects are rejected`, () => {
    for (const bad of [
      { ...GOOD[method], extra: 1 },
      { ...GOOD[method], [Symbol("s")]: 1 },
      [],
      null,
      "x",
      new Map(),
    ]) {
      assert.throws(() => checkParams(method, bad), refused("bad_params"));
    }
  });

  test(`${method}: every member accepts only its own type`, () => {
    for (const name of Object.keys(GOOD[method])) {
      for (const wrong of [undefined, null, {}, true, 1.5, -1, "", Number.NaN, new Uint8Array(32), [[]]]) {
        const good = (GOOD[method] as Record<string, unknown>)[name];
        if (typeof good === "boolean" && typeof wrong === "boolean") continue;
        const params = { ...GOOD[method], [name]: wrong };
        assert.throws(() => checkParams(method, params), refused("bad_params"), `${name} = ${String(wrong)}`);
      }
    }
  });
}

test("oversized values are rejected as too_large", () => {
  const large: readonly [Method, object][] = [
    ["sign", { kid: KID, bytes: buffer((1 << 20) + 1) }],
    ["approve", { ...GOOD.approve, text: "x".repeat(4001) }],
    ["backup.create", { kids: Array.from({ length: 257 }, () => KID) }],
  ];
  for (const [method, params] of large) assert.throws(() => checkParams(method, params), refused("too_large"));
});

test("text with an unpaired surrogate is rejected: the signed bytes would differ from the shown text", () => {
  assert.throws(() => checkParams("approve", { ...GOOD.approve, text: "a\ud800b" }), refused("bad_params"));
});

test("a key of the wrong type is rejected", () => {
  for (const publicKey of [
    { ...JWK, y: KID },
    { kty: "EC", crv: "P-256", x: KID },
    { ...JWK, d: KID },
    { kty: "RSA" },
  ]) {
    assert.throws(() => checkParams("verify", { ...GOOD.verify, publicKey }), refused("bad_params"));
  }
});

test("a request without an id is rejected", () => {
  assert.equal(readRequest({ id: 1, method: "x", params: {} }).id, 1);
  for (const bad of [
    {},
    { id: "1", method: "x", params: {} },
    { id: 1, method: "x" },
    { id: 1.5, method: "x", params: {} },
  ])
    assert.throws(() => readRequest(bad), refused("bad_params"));
});

test("responses and events are parsed strictly", () => {
  assert.deepEqual(readIncoming({ id: 3, ok: { a: 1 } }), { kind: "ok", id: 3, ok: { a: 1 } });
  const heard = readIncoming({ id: 3, error: { code: "locked", message: "m", next: "n" } });
  assert.ok(heard.kind === "error" && heard.error.code === "locked" && heard.error.next === "n");
  assert.deepEqual(readIncoming({ event: "hide" }), { kind: "event", event: { event: "hide" } });
  for (const bad of [{ id: 3 }, { id: 3, ok: 1, error: 2 }, { id: 3, error: { code: "nope", message: "", next: "" } }])
    assert.throws(() => readIncoming(bad), refused("bad_params"));
  for (const bad of [{ event: "dance" }, { event: "hide", more: 1 }, { event: "show", width: 1e9, height: 1 }])
    assert.throws(() => readIncoming(bad), refused("bad_params"));
});

test("the open message has a storage and an optional store", () => {
  assert.deepEqual(readOpen({ briefcase: "open", storage: "disk" }), { briefcase: "open", storage: "disk" });
  for (const bad of [{ briefcase: "open" }, { briefcase: "open", storage: "disk", hosts: [] }, { briefcase: "ready" }])
    assert.throws(() => readOpen(bad), refused("bad_params"));
});

test("every error has a next step, and an unexpected error reveals only its name", () => {
  for (const code of ERROR_CODES) assert.ok(new EnclaveError(code, "m").body().next.length > 10, code);
  assert.deepEqual(EnclaveError.of(new TypeError("secret")).body().message, "unexpected TypeError");
});
