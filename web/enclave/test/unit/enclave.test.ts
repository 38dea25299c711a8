// The worker's rules without a browser: the real enclave over a store in memory, with a fake core and a person who
// always confirms.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import type { Core } from "../../../enclave-wasm/bindings.ts";
import { EnclaveError } from "../../../protocol/src/index.ts";
import type { ConfirmationRequest, ConfirmationResult } from "../../src/frame_messages.ts";
import { BorrowedKeys } from "../../src/worker/borrowed_keys.ts";
import { Enclave, type WorkerContext } from "../../src/worker/enclave.ts";
import { route } from "../../src/worker/router.ts";
import { MemoryStore } from "../../src/worker/store/memory.ts";
import type { Change } from "../../src/worker/store/rows.ts";

/** A store whose commits can be made to fail. */
class Full extends MemoryStore {
  full = false;

  override async commit(changes: readonly Change[]): Promise<void> {
    if (this.full) throw new EnclaveError("quota_exceeded", "full");
    await super.commit(changes);
  }
}

/** A store that can be made to lose new keys. */
class Forgetful extends Full {
  forgets = false;

  override async commit(changes: readonly Change[]): Promise<void> {
    const known = new Set((await this.all("keys")).map(([kid]) => kid));
    await super.commit(changes);
    for (const { table, key } of changes) {
      const fresh = this.forgets && table === "keys" && key !== undefined && !known.has(key);
      if (fresh) await super.commit([{ table, key }]);
    }
  }
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

const core = {
  thumbprint: async (_alg: string, raw: Uint8Array) => digest(raw).toString("base64url"),
  auditEntry: async (form: object) => ({ entry: text(form), link: new Uint8Array(digest(text(form))) }),
  auditHead: async (form: object) => text(form),
} as unknown as Core;

async function world(store: Full, answer: (ask: ConfirmationRequest) => ConfirmationResult) {
  const around: WorkerContext = {
    host: "https://app.example",
    hash: "",
    storage: "memory",
    gesture: "frame",
    borrowedKeys: new BorrowedKeys(),
    core: async () => core,
    confirm: async request => answer(request),
    rememberStore: () => undefined,
    persist: () => undefined,
    now: () => Date.now(),
  };
  const enclave = await Enclave.open(around, store, []);
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects
  return (method: string, params: object = {}): Promise<any> => route(enclave, method, params);
}

const refusal = (code: string) => (thrown: unknown) => thrown instanceof EnclaveError && thrown.code === code;
const message = () => new Uint8Array([1]).buffer;

test("an unlock that could not be recorded has no effect", async () => {
  const secret = randomBytes(32);
  const store = new Full();
  const call = await world(store, () => ({
    kind: "yes",
    prf: new Uint8Array(secret).buffer,
    credential: new Uint8Array(16).buffer,
  }));
  await call("strong.enter");
  const { kid } = await call("generate", { alg: "ES256", purpose: "signing" });
  await call("strong.lock");
  store.full = true;
  await assert.rejects(call("strong.unlock"), refusal("quota_exceeded"));
  store.full = false;
  await assert.rejects(call("sign", { kid, bytes: message() }), refusal("locked"));
  await call("strong.unlock");
  await call("sign", { kid, bytes: message() });
});

test("a backup from before a rotation does not reactivate the old key", async () => {
  let code = "";
  const call = await world(new Full(), ({ page }) => {
    code = page.code ?? code;
    return { kind: "yes", typed: code };
  });
  const { kid } = await call("generate", { alg: "ES256", purpose: "signing", recoverable: true });
  const { backup } = await call("backup.create", { kids: [kid] });
  const next = await call("rotate", { kid });
  assert.deepEqual(await call("backup.restore", { backup }), { kids: [] });
  await assert.rejects(call("sign", { kid, bytes: message() }), refusal("key_retired"));
  await call("sign", { kid: next.kid, bytes: message() });
});

test("a restore cannot exceed the key limit of a host", async () => {
  let code = "";
  const answer = ({ page }: ConfirmationRequest): ConfirmationResult => {
    code = page.code ?? code;
    return { kind: "yes", typed: code };
  };
  const call = await world(new Full(), answer);
  const { kid } = await call("generate", { alg: "ES256", purpose: "signing", recoverable: true });
  const { backup } = await call("backup.create", { kids: [kid] });
  const other = await world(new Full(), answer);
  for (let count = 0; count < 256; count += 1) await other("generate", { alg: "ES256", purpose: "signing" });
  await assert.rejects(other("backup.restore", { backup }), refusal("key_limit"));
});

test("a rotation whose new key is lost keeps the old key active", async () => {
  const store = new Forgetful();
  const call = await world(store, () => ({ kind: "yes" }));
  const { kid } = await call("generate", { alg: "ES256", purpose: "signing" });
  store.forgets = true;
  await assert.rejects(call("rotate", { kid }), refusal("key_lost"));
  await call("sign", { kid, bytes: message() });
  store.forgets = false;
  await call("rotate", { kid });
  await assert.rejects(call("sign", { kid, bytes: message() }), refusal("key_retired"));
});
