// Sessions through the bindings: against the committed vectors of the Rust tests, and between two identities with keys
// in WebCrypto.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type Core, CoreError, type LocalIdentity, type Mode } from "../bindings.ts";
import { Holder, load, person, text, unbase64, utf8 } from "./webcrypto.ts";

interface Step {
  readonly session: string;
  readonly message: string;
  readonly associated: string;
  readonly plaintext: string;
}
interface Side {
  readonly signing: string;
  readonly agreement: string;
  readonly card: string;
}
interface Conversation {
  readonly mode: Mode;
  readonly hideHeaders: boolean;
  readonly initiator: Side;
  readonly responder: Side;
  readonly safetyNumber: string;
  readonly prekeys: string;
  readonly bundle: string;
  readonly first: string;
  readonly firstPlaintext: string;
  readonly steps: readonly Step[];
}
interface Vectors {
  readonly kem: {
    readonly seed: string;
    readonly publicKey: string;
    readonly ciphertext: string;
    readonly shared: string;
  };
  readonly conversations: readonly Conversation[];
}

const vectors: Vectors = JSON.parse(await readFile(`${VECTORS}ratchet/sessions.json`, "utf8"));
const refusal = (code: string) => (error: unknown) => error instanceof CoreError && error.code === code;

async function responder(holder: Holder, side: Side): Promise<LocalIdentity> {
  await holder.take("Ed25519", "signing", unbase64(side.signing));
  await holder.take("X25519", "agreement", unbase64(side.agreement));
  return { card: unbase64(side.card), signing: "signing", agreement: "agreement" };
}

test("the committed conversations decrypt", async () => {
  assert.equal(vectors.conversations.length, 4);
  for (const one of vectors.conversations) {
    const holder = new Holder();
    const core = await load(holder);
    const identity = await responder(holder, one.responder);
    const { card, oneTime } = await core.bundleVerify(unbase64(one.bundle));
    assert.deepEqual([card, oneTime], [unbase64(one.responder.card), true]);
    const options = { allowX3dh: one.mode === "x3dh" };
    const accepted = await core.accept(identity, unbase64(one.prekeys), unbase64(one.first), options);
    assert.deepEqual(accepted.plaintext, unbase64(one.firstPlaintext));
    assert.deepEqual(accepted.peer, unbase64(one.initiator.card));
    const facts = await core.sessionFacts(accepted.session);
    assert.deepEqual([facts.mode, facts.hideHeaders], [one.mode, one.hideHeaders]);
    for (const step of one.steps) {
      const read = await core.decrypt(unbase64(step.session), unbase64(step.message), unbase64(step.associated));
      assert.deepEqual(read.plaintext, unbase64(step.plaintext));
    }
    assert.equal(await core.safetyNumber(unbase64(one.initiator.card), unbase64(one.responder.card)), one.safetyNumber);
    assert.equal(holder.asked, 1, "only the identity's key was used");
  }
});

test("the ML-KEM vector, and a generated key", async () => {
  const core = await load(new Holder());
  const { kem } = vectors;
  assert.deepEqual(await core.kemDecapsulate(unbase64(kem.seed), unbase64(kem.ciphertext)), unbase64(kem.shared));
  const key = await core.kemGenerate();
  const { ciphertext, shared } = await core.kemEncapsulate(key.publicKey);
  assert.deepEqual(await core.kemDecapsulate(key.secret, ciphertext), shared);
  assert.notDeepEqual((await core.kemGenerate()).secret, key.secret, "randomness comes from the browser");
  await assert.rejects(core.kemEncapsulate(key.publicKey.fill(0xff)), refusal("malformed"));
});

async function talk(core: Core, holder: Holder, mode: Mode, hideHeaders: boolean): Promise<void> {
  const [alice, bob] = [await person(core, holder, "alice"), await person(core, holder, "bob")];
  const made = await core.prekeysMake(bob, { oneTime: 1 });
  const bundle = made.bundles[0] ?? assert.fail("no bundle");
  let { session: ours, peer } = await core.initiate(alice, bundle, { mode, hideHeaders });
  assert.deepEqual(peer, bob.card);
  const first = await core.encrypt(ours, utf8("hello"));
  ours = first.session;
  const accepted = await core.accept(bob, made.prekeys, first.message, { allowX3dh: true });
  assert.equal(text(accepted.plaintext), "hello");
  assert.equal(await core.prekeysLeft(accepted.prekeys), 0);
  await assert.rejects(
    core.accept(bob, accepted.prekeys, first.message, { allowX3dh: true }),
    refusal("unknown_prekey"),
  );
  const answer = await core.encrypt(accepted.session, utf8("and you"));
  const read = await core.decrypt(ours, answer.message);
  assert.equal(text(read.plaintext), "and you");
  assert.equal((await core.sessionFacts(read.session)).answered, true);
  await assert.rejects(core.decrypt(read.session, answer.message), refusal("replayed"));
  const forged = answer.message.slice();
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  await assert.rejects(core.decrypt(ours, forged), refusal("forged"));
  await assert.rejects(core.decrypt(ours.slice(1), answer.message), refusal("state_corrupt"));
}

test("two identities in every mode, with keys in WebCrypto", async () => {
  const holder = new Holder();
  const core = await load(holder);
  for (const mode of ["pqxdh", "x3dh"] as const) {
    for (const hideHeaders of [false, true]) await talk(core, holder, mode, hideHeaders);
  }
});

test("X3DH is rejected unless it is allowed", async () => {
  const holder = new Holder();
  const core = await load(holder);
  const [alice, bob] = [await person(core, holder, "alice"), await person(core, holder, "bob")];
  const made = await core.prekeysMake(bob, { oneTime: 0 });
  const { session } = await core.initiate(alice, made.lastResort, { mode: "x3dh" });
  const { message } = await core.encrypt(session, utf8("weaker"));
  await assert.rejects(core.accept(bob, made.prekeys, message), refusal("mode_refused"));
});

test("prekeys are refilled and rotated", async () => {
  const holder = new Holder();
  const core = await load(holder);
  const bob = await person(core, holder, "bob");
  const made = await core.prekeysMake(bob, { oneTime: 2 });
  const refilled = await core.prekeysRefill(bob, made.prekeys, 3);
  assert.equal(await core.prekeysLeft(refilled.prekeys), 5);
  assert.deepEqual(refilled.lastResort, made.lastResort);
  const rotated = await core.prekeysRotate(bob, refilled.prekeys, { oneTime: 1 });
  assert.notDeepEqual(rotated.lastResort, made.lastResort);
  assert.equal(await core.prekeysLeft(rotated.prekeys), 6);
  await assert.rejects(core.prekeysRefill(bob, rotated.prekeys, 1000), refusal("exhausted"));
});

test("a last resort held by the host is used by its name", async () => {
  const core = await load(new Holder());
  const key = await core.kemGenerate();
  const asked: string[] = [];
  class WithKem extends Holder {
    override async decapsulate(keyRef?: string, ciphertext?: Uint8Array): Promise<Uint8Array> {
      asked.push(keyRef ?? "");
      return await core.kemDecapsulate(key.secret, ciphertext ?? new Uint8Array());
    }
  }
  const holder = new WithKem();
  const other = await load(holder);
  const [alice, bob] = [await person(other, holder, "alice"), await person(other, holder, "bob")];
  const wishes = { oneTime: 0, lastResort: { keyRef: "kem-1", publicKey: key.publicKey } };
  const made = await other.prekeysMake(bob, wishes);
  const { session } = await other.initiate(alice, made.lastResort);
  const { message } = await other.encrypt(session, utf8("hi"));
  assert.equal(text((await other.accept(bob, made.prekeys, message)).plaintext), "hi");
  assert.deepEqual(asked, ["kem-1"]);
});
