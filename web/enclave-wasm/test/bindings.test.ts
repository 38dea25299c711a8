// The bindings: formats, order, failures, and the behaviour after a trap.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type AuditEntry, CoreError } from "../bindings.ts";
import { base64, Holder, load, owned, person, text, unbase64, utf8, wasm } from "./webcrypto.ts";

interface Forms {
  readonly thumbprints: readonly {
    readonly algorithm: "ES256" | "Ed25519" | "X25519";
    readonly raw: string;
    readonly kid: string;
  }[];
  readonly audit: {
    readonly publicKey: string;
    readonly head: string;
    readonly signature: string;
    readonly entries: readonly string[];
    readonly links: readonly string[];
  };
  readonly vapid: {
    readonly aud: string;
    readonly sub: string;
    readonly now: number;
    readonly ttl: number;
    readonly input: string;
  };
  readonly approval: { readonly draft: object; readonly bytes: string };
}

const forms: Forms = JSON.parse(await readFile(`${VECTORS}enclave/forms.json`, "utf8"));
const refusal = (code: string) => (error: unknown) => error instanceof CoreError && error.code === code;
const core = await load(new Holder());

test("digest", async () => {
  const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8("abc")));
  assert.deepEqual(await core.digest(utf8("abc")), expected);
});

test("the documents of the committed vectors are reproduced byte for byte", async () => {
  for (const { algorithm, raw, kid } of forms.thumbprints) {
    assert.equal(await core.thumbprint(algorithm, unbase64(raw)), kid);
  }
  const { vapid, approval, audit } = forms;
  assert.equal((await core.vapidInput(vapid)).input, vapid.input);
  assert.equal(text(await core.approvalInput(approval.draft as never)), approval.bytes);
  for (const [at, entry] of audit.entries.entries()) {
    const made = await core.auditEntry(JSON.parse(entry));
    assert.deepEqual([text(made.entry), base64(made.link)], [entry, audit.links[at]]);
  }
  const parts = [unbase64(audit.publicKey), utf8(audit.head), unbase64(audit.signature), new Uint8Array(32)] as const;
  const head = await core.auditVerify(...parts, audit.entries.map(utf8));
  assert.equal(head.count, audit.entries.length);
  assert.deepEqual(utf8(audit.head), owned(await core.auditHead(head)));
  await assert.rejects(core.auditVerify(...parts, audit.entries.slice(1).map(utf8)), refusal("forged"));
});

test("document limits", async () => {
  const lease = { aud: "https://push.example", sub: "mailto:a@b.example", now: 1, ttl: 86_401 };
  await assert.rejects(core.vapidInput(lease), refusal("refused"));
  await assert.rejects(core.vapidInput({ ...lease, ttl: 60, aud: "https://push.example/path" }), refusal("refused"));
  const entry: AuditEntry = {
    seq: 0,
    time: 1,
    previous: base64(new Uint8Array(32)),
    method: "sign",
    outcome: "done",
    detail: {},
  };
  await assert.rejects(core.auditEntry({ ...entry, method: "a b" }), refusal("malformed"));
  await assert.rejects(core.auditEntry({ ...entry, extra: 1 } as never), refusal("malformed"));
});

test("concurrent operations run one after the other", async () => {
  const holder = new Holder();
  const busy = await load(holder);
  const names = ["a", "b", "c", "d"];
  const cards = await Promise.all(names.map(name => person(busy, holder, name)));
  const prekeys = await Promise.all(cards.map(card => busy.prekeysMake(card, { oneTime: 1 })));
  for (const [at, made] of prekeys.entries()) {
    const bundle = made.bundles[0] ?? assert.fail("no bundle");
    assert.deepEqual((await busy.bundleVerify(bundle)).card, cards[at]?.card);
  }
});

test("failing and wrong key operations are rejected", async () => {
  const holder = new Holder();
  const fine = await load(holder);
  const alice = await person(fine, holder, "alice");
  const lost = { ...alice, signing: "not-there" };
  await assert.rejects(fine.prekeysMake(lost, { oneTime: 1 }), refusal("foreign"));
  assert.ok((await fine.prekeysMake(alice, { oneTime: 1 })).prekeys.length > 0, "the next operation succeeds");
  class Lying extends Holder {
    override async sign(): Promise<Uint8Array> {
      return new Uint8Array(64);
    }
    override async dh(): Promise<Uint8Array> {
      return new Uint8Array(32);
    }
  }
  const lying = await load(new Lying());
  await assert.rejects(lying.prekeysMake(alice, { oneTime: 0 }), refusal("foreign"));
  const { lastResort } = await fine.prekeysMake(alice, { oneTime: 0 });
  await assert.rejects(lying.initiate(alice, lastResort), refusal("refused"), "a shared secret of zeros");
});

test("a trap poisons the instance; a new one works", async () => {
  const broken = await load(new Holder());
  const { getRandomValues } = crypto;
  crypto.getRandomValues = () => {
    throw new Error("no randomness");
  };
  try {
    await assert.rejects(broken.kemGenerate(), refusal("poisoned"));
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
  assert.equal(broken.poisoned, true);
  await assert.rejects(broken.digest(utf8("abc")), refusal("poisoned"));
  assert.ok(await (await load(new Holder())).digest(utf8("abc")));
});

test("the module imports only randomness", async () => {
  const module = await WebAssembly.compile(wasm);
  assert.deepEqual(WebAssembly.Module.imports(module), [{ module: "env", name: "random", kind: "function" }]);
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  for (const name of ["memory", "reserve", "call", "answer", "output", "output_len", "wipe"])
    assert.ok(exports.includes(name));
});

test("requests and responses are wiped from memory", async () => {
  const seen: WebAssembly.Memory[] = [];
  const { instantiate } = WebAssembly;
  (WebAssembly as { instantiate: unknown }).instantiate = async (...given: Parameters<typeof instantiate>) => {
    const made = (await instantiate(...given)) as unknown as WebAssembly.WebAssemblyInstantiatedSource;
    seen.push(made.instance.exports["memory"] as WebAssembly.Memory);
    return made;
  };
  const holder = new Holder();
  const watched = await load(holder);
  (WebAssembly as { instantiate: unknown }).instantiate = instantiate;
  const [alice, bob] = [await person(watched, holder, "alice"), await person(watched, holder, "bob")];
  const made = await watched.prekeysMake(bob, { oneTime: 1 });
  const { session } = await watched.initiate(alice, made.bundles[0] ?? made.lastResort);
  const canary = "canary in plain text, forty bytes long!!";
  const { message } = await watched.encrypt(session, utf8(canary));
  const { plaintext } = await watched.accept(bob, made.prekeys, message);
  assert.equal(text(plaintext), canary);
  const memory = Buffer.from((seen[0] ?? assert.fail("no memory")).buffer);
  assert.equal(memory.includes(canary), false);
  assert.equal(memory.includes(Buffer.from(session).subarray(200, 264)), false, "the session's keys are wiped too");
});
