// The browser's verifier with the cases of the native one: valid releases, and forgeries of each layer.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { NotARelease, ReleaseVerifier, type Seen, VerifierBroken } from "../bindings.ts";
import type * as types from "../types.ts";

type Kind = "policy" | "manifest" | "bundle" | "proof" | "module" | "page" | "headers";

interface Case extends Readonly<Record<Kind, string>> {
  readonly name: string;
  readonly sent: readonly (readonly [string, string])[];
  readonly seen: Seen;
  readonly now: number;
  readonly expected: { readonly seen: Seen } | { readonly layer: string; readonly code: string };
}

interface Cases {
  readonly texts: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}

const { texts, cases }: Cases = JSON.parse(await readFile(`${VECTORS}release/cases.json`, "utf8"));
const wasm = new Uint8Array(await readFile(VERIFIER_FILE));
const verifier = await ReleaseVerifier.load(wasm);
/** The bindings implement the interface that the bridge needs. */
const asInterface: types.ReleaseVerifier = verifier;

const bytes = (one: Case, kind: Kind) => new TextEncoder().encode(texts[one[kind]]);
const evidence = (one: Case) => ({
  manifest: bytes(one, "manifest"),
  bundle: bytes(one, "bundle"),
  proof: bytes(one, "proof"),
});
const named = (name: string): Case => {
  const found = cases.find(one => one.name === name);
  assert.ok(found, name);
  return found;
};

async function outcome(one: Case): Promise<Case["expected"]> {
  try {
    const trusted = await verifier.manifest(bytes(one, "policy"), evidence(one), one.seen, one.now);
    const found = trusted.module(bytes(one, "module"));
    found.page(bytes(one, "page"));
    found.headers(bytes(one, "headers"));
    found.sent(bytes(one, "headers"), "/kms.html", one.sent);
    return { seen: found.seen };
  } catch (error) {
    assert.ok(error instanceof NotARelease, `${one.name}: ${error}`);
    return { layer: error.layer, code: error.code };
  }
}

for (const one of cases) {
  test(`the WebAssembly verdict equals the native one: ${one.name}`, async () => {
    assert.deepEqual(await outcome(one), one.expected);
  });
}

test("a verified manifest names signer, time and log index", async () => {
  const one = named("second release");
  const trusted = await asInterface.manifest(bytes(one, "policy"), evidence(one), one.seen, one.now);
  assert.match(trusted.signer.identity, /release\.yml@refs\/tags\/v1$/);
  assert.deepEqual([trusted.index, trusted.current.version, trusted.allowed.length], [1, 2, 1]);
  assert.deepEqual(trusted.witnesses, ["w2", "w3"]);
  assert.ok(Math.abs(trusted.loggedAt - one.now / 1000) < 600);
  const found = await trusted.module(bytes(one, "module"));
  assert.deepEqual([found.status, found.release.sha256], ["current", trusted.current.sha256]);
});

test("the releases of one manifest are not allowed by the next", async () => {
  const [second, third] = [named("second release"), named("third release after the second")];
  const older = await verifier.manifest(bytes(second, "policy"), evidence(second), second.seen, second.now);
  const newer = await verifier.manifest(bytes(third, "policy"), evidence(third), third.seen, third.now);
  const first = bytes(named("first release"), "module");
  assert.equal(older.module(first).status, "allowed");
  assert.throws(() => newer.module(first), { layer: "module", code: "deprecated" });
  assert.equal(older.module(first).release.version, 1);
});

test("a refusal throws the caller's error", async () => {
  class Mine extends Error {}
  const own = await ReleaseVerifier.load(wasm, (layer, code, message) => new Mine(`${layer} ${code} ${message}`));
  const one = named("manifest byte");
  const asked = own.manifest(bytes(one, "policy"), evidence(one), one.seen, one.now);
  await assert.rejects(asked, (error: unknown) => error instanceof Mine && error.message.startsWith("signature art"));
});

test("invalid numbers and oversized files are rejected", async () => {
  const one = named("second release");
  const ask = (seen: Seen, now: number, files = evidence(one)) =>
    verifier.manifest(bytes(one, "policy"), files, seen, now);
  for (const bad of [-1, 1.5, Number.NaN, 2 ** 53]) {
    await assert.rejects(ask({ ...one.seen, index: bad }, one.now), VerifierBroken);
    await assert.rejects(ask(one.seen, bad), Error);
  }
  const endless = { ...evidence(one), manifest: new Uint8Array((8 << 20) + 1) };
  await assert.rejects(ask(one.seen, one.now, endless), VerifierBroken);
  const random = { ...evidence(one), bundle: crypto.getRandomValues(new Uint8Array(60_000)) };
  await assert.rejects(ask(one.seen, one.now, random), { layer: "signature", code: "bundle_malformed" });
});

test("one verification leaves no state for the next", async () => {
  const [good, bad] = [named("second release"), named("manifest byte")];
  for (const one of [good, bad, good, bad, good]) assert.deepEqual(await outcome(one), one.expected);
});
