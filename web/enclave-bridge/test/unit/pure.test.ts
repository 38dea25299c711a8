// The parts that need no browser.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { GESTURES, METHODS } from "../../../protocol/src/index.ts";
import { checkAudit } from "../../src/audit.ts";
import { callsOf } from "../../src/calls.ts";
import { Channel } from "../../src/channel.ts";
import { integrity } from "../../src/digest.ts";
import { fetchBytes } from "../../src/fetch.ts";
import { framePolicy, header } from "../../src/headers.ts";
import { HostMemory } from "../../src/host_memory.ts";
import { LAYERS, Refused } from "../../src/refused.ts";
import { mayAsk, nextSnapshot, type Snapshot } from "../../src/state.ts";
import { describe } from "../../src/status/words.ts";

const MODULE = "1f".repeat(32);
const GOOD = [
  "default-src 'none'",
  `script-src '${integrity(MODULE)}' 'wasm-unsafe-eval'`,
  `style-src 'sha256-${"A".repeat(43)}='`,
  "worker-src blob:",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors https://app.example",
  "require-trusted-types-for 'script'",
  "trusted-types enclave-worker",
];
const file = (policy: string) =>
  `/*\n  X-Content-Type-Options: nosniff\n/kms.html\n  Content-Security-Policy: ${policy}\n`;
const refusal = (layer: string, code: string) => (thrown: unknown) =>
  thrown instanceof Refused && thrown.layer === layer && thrown.code === code && thrown.next.length > 0;

test("the frame gets the page's policy without the directive that only a page can set", () => {
  const policy = framePolicy(file(GOOD.join("; ")), MODULE);
  assert.equal(policy, GOOD.filter(part => !part.startsWith("frame-ancestors")).join("; "));
});

test("a policy that allows more code or another module is refused even if signed", () => {
  const changes: [string, string][] = [
    ["'wasm-unsafe-eval'", "'wasm-unsafe-eval' 'unsafe-inline'"],
    ["'wasm-unsafe-eval'", "'unsafe-eval'"],
    ["connect-src 'none'", "connect-src https://attacker.example"],
    ["worker-src blob:", "worker-src blob: https://attacker.example"],
    ["form-action 'none'", "form-action *"],
    ["default-src 'none'", "default-src *"],
    ["base-uri 'none'", "base-uri 'self'"],
    ["trusted-types enclave-worker", "trusted-types *"],
    ["; connect-src 'none'", ""],
    ["connect-src 'none'", "connect-src 'none'; connect-src *"],
    ["connect-src 'none'", "connect-src 'none'; sandbox allow-scripts"],
    ["connect-src 'none'", "connect-src 'none'; script-src-elem *"],
    ["connect-src 'none'", "connect-src 'none',default-src *"],
    [integrity(MODULE), integrity("2e".repeat(32))],
  ];
  for (const [from, to] of changes) {
    const changed = GOOD.join("; ").replace(from, to);
    assert.notEqual(changed, GOOD.join("; "));
    assert.throws(() => framePolicy(file(changed), MODULE), refusal("headers", "weak_policy"), `${from} → ${to}`);
  }
  assert.throws(() => framePolicy("/*\n  A: b\n", MODULE), refusal("headers", "no_policy"));
});

test("the later of two matching rules counts", () => {
  assert.equal(header("/*\n  A: one\n/k*\n  a: two\n/x\n  A: three\n", "/kms.html", "a"), "two");
  assert.equal(header("/*\n  A: one\n", "/kms.html", "b"), undefined);
});

function storage(start: Record<string, string> = {}) {
  const kept = new Map(Object.entries(start));
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
}
const PAGE = new URL("https://kms.example/kms.html");

test("rollback state never decreases, whatever the order of writes", () => {
  const memory = storage();
  const one = new HostMemory(memory, PAGE);
  assert.deepEqual(one.seen(), { version: 0, floor: 0, index: 0 });
  one.advance({ version: 5, floor: 2, index: 9 });
  new HostMemory(memory, PAGE).advance({ version: 4, floor: 3, index: 8 });
  assert.deepEqual(one.seen(), { version: 5, floor: 3, index: 9 });
  assert.deepEqual(new HostMemory(memory, new URL("https://other.example/kms.html")).seen().version, 0);
});

test("damaged or inaccessible storage does not count as a first visit", () => {
  for (const text of [
    "",
    "{}",
    "null",
    '{"version":"5","floor":0,"index":0}',
    '{"version":-1,"floor":0,"index":0}',
    "5",
  ]) {
    const memory = storage({ [`briefcase-enclave-seen ${PAGE.href}`]: text });
    assert.throws(() => new HostMemory(memory, PAGE).seen(), refusal("rollback", "memory"), text);
  }
  const forbidden = {
    getItem: (): string | null => {
      throw new Error("SecurityError");
    },
    setItem: () => undefined,
  };
  assert.throws(() => new HostMemory(forbidden, PAGE).seen(), refusal("rollback", "memory"));
  const full = {
    ...storage(),
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  };
  assert.throws(
    () => new HostMemory(full, PAGE).advance({ version: 1, floor: 1, index: 1 }),
    refusal("rollback", "memory"),
  );
});

const line = (answer: Response | Promise<Response>, more: { signal?: AbortSignal; timeout?: number } = {}) => ({
  fetch: (async (_: unknown, init?: RequestInit) => {
    init?.signal?.throwIfAborted();
    const ended = new Promise<never>((_, reject) =>
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)),
    );
    return Promise.race([answer, ended]);
  }) as typeof fetch,
  timeout: more.timeout ?? 1000,
  signal: more.signal,
});

test("files are fetched up to their size limit", async t => {
  // Unlike a browser, Node exits while a timeout signal is pending.
  const awake = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(awake));
  const url = new URL("https://kms.example/file");
  assert.equal((await fetchBytes(url, 4, line(new Response("four")))).byteLength, 4);
  await assert.rejects(fetchBytes(url, 3, line(new Response("four"))), refusal("fetch", "too_large"));
  await assert.rejects(fetchBytes(url, 9, line(new Response("", { status: 404 }))), refusal("fetch", "status"));
  await assert.rejects(fetchBytes(url, 9, line(Promise.reject(new TypeError("net")))), refusal("fetch", "unreachable"));
  await assert.rejects(
    fetchBytes(url, 9, line(new Promise(() => undefined), { timeout: 5 })),
    refusal("fetch", "timeout"),
  );
  await assert.rejects(fetchBytes(url, 9, line(new Promise(() => undefined), { signal: AbortSignal.abort() })), {
    name: "AbortError",
  });
});

const START: Snapshot = { state: "checking", url: PAGE.href, enforced: "browser" };
const FACTS = { sha256: MODULE, moduleUrl: "https://kms.example/artifacts/x.mjs", at: 0, by: "pin" } as const;

test("no order of events allows calls without a verification after the last refusal or loss", () => {
  const kinds = ["check", "verified", "store", "unclear", "refused", "lost", "asked", "answered"] as const;
  const made = {
    check: { kind: "check" },
    verified: { kind: "verified", release: FACTS },
    store: { kind: "store", lost: false },
    unclear: { kind: "unclear", notice: new Refused("fetch", "timeout", "late") },
    refused: { kind: "refused", refused: new Refused("module", "digest", "other bytes") },
    lost: { kind: "lost", lost: "navigated" },
    asked: { kind: "asked", where: "frame" },
    answered: { kind: "answered" },
  } as const;
  const walk = (at: Snapshot, verified: boolean, depth: number): void => {
    assert.equal(mayAsk(at), verified, `${at.state} after a walk`);
    if (mayAsk(at)) assert.equal(at.release?.sha256, MODULE);
    if (depth === 0) return;
    for (const kind of kinds) {
      const closes = kind === "check" || kind === "refused" || kind === "lost";
      walk(nextSnapshot(at, made[kind]), kind === "verified" || (verified && !closes), depth - 1);
    }
  };
  walk(START, false, 5);
});

test("a browser that cannot enforce the hash is never shown as simply verified", () => {
  const outside = nextSnapshot({ ...START, enforced: "outside" }, { kind: "verified", release: FACTS });
  assert.match(describe(outside).text, /cannot enforce the hash; it was only checked from outside/);
  assert.notEqual(describe(outside).title, "Verified");
  assert.equal(describe(nextSnapshot(START, { kind: "verified", release: FACTS })).title, "Verified");
});

test("every layer has a next step, and only network failures are transient", () => {
  for (const layer of LAYERS) assert.ok(new Refused(layer, "x", "y").next.length > 20);
  assert.equal(new Refused("fetch", "unreachable", "").transient, true);
  for (const code of ["too_large", "redirected"]) assert.equal(new Refused("fetch", code, "").transient, false);
  assert.equal(new Refused("signature", "signature", "").transient, false);
});

test("every method has a function that calls it", async () => {
  const asked: string[] = [];
  const calls = callsOf(async method => {
    asked.push(method);
    return {} as never;
  }) as unknown as Record<string, (() => Promise<unknown>) & Record<string, () => Promise<unknown>>>;
  for (const method of METHODS) {
    const [first = "", second] = method.split(".");
    await (second === undefined ? calls[first]?.() : calls[first]?.[second]?.());
  }
  assert.deepEqual(asked, [...METHODS]);
  assert.ok(GESTURES.every(method => METHODS.includes(method)));
});

function pair(silence: string[] = []) {
  const { port1, port2 } = new MessageChannel();
  const events: string[] = [];
  const channel = new Channel(port1, {
    event: event => void events.push(event.event),
    malformed: () => void events.push("malformed"),
    timedOut: () => void silence.push("silent"),
  });
  return { channel, far: port2, events };
}

test("responses settle their requests in any order, and unknown ids are ignored", async () => {
  const { channel, far } = pair();
  const asked: number[] = [];
  const both = new Promise<void>(resolve => {
    far.onmessage = ({ data }) => {
      asked.push(data.id);
      if (asked.length === 2) resolve();
    };
  });
  const first = channel.call("version", {});
  const second = channel.call("list", {});
  await both;
  far.postMessage({ id: 99, ok: { keys: ["stray"] } });
  far.postMessage({ id: asked[1], ok: { keys: [] } });
  far.postMessage({ id: asked[0], error: { code: "locked", message: "it is locked", next: "unlock" } });
  assert.deepEqual(await second, { keys: [] });
  await assert.rejects(first, { name: "EnclaveError", code: "locked" });
  channel.end(new Refused("channel", "closed", "over"));
  far.close();
});

test("a request without a response times out, is reported, and ignores a late response", async () => {
  const silence: string[] = [];
  const { channel, far } = pair(silence);
  let id = 0;
  far.onmessage = ({ data }) => {
    id = data.id;
  };
  await assert.rejects(channel.call("version", {}, { timeout: 20 }), refusal("channel", "timeout"));
  assert.deepEqual(silence, ["silent"]);
  far.postMessage({ id, ok: { hash: "late", schema: 1 } });
  const stop = new AbortController();
  const waiting = channel.call("version", {}, { signal: stop.signal });
  stop.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await assert.rejects(channel.call("version", {}, { signal: stop.signal }), { name: "AbortError" });
  channel.end(new Refused("channel", "closed", "over"));
  await assert.rejects(channel.call("version", {}), refusal("channel", "closed"));
  far.close();
});

test("malformed messages are reported, and a request with invalid parameters is not sent", async () => {
  const { channel, far, events } = pair();
  far.postMessage({ id: "1", ok: 1 });
  far.postMessage({ event: "grow" });
  far.postMessage({ event: "window" });
  await assert.rejects(channel.call("sign", { kid: "short" } as never), { code: "bad_params" });
  const end = channel.call("version", {}).catch((error: unknown) => error);
  await new Promise(resolve => {
    far.onmessage = resolve;
  });
  channel.end(new Refused("channel", "closed", "over"));
  assert.ok(refusal("channel", "closed")(await end));
  assert.deepEqual(events, ["malformed", "malformed", "window"]);
  far.close();
});

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
const exact = (bytes: Uint8Array) => new Uint8Array(bytes).buffer;

function record(count: number) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  let link: Uint8Array = new Uint8Array(32);
  const entries: ArrayBuffer[] = [];
  for (let seq = 0; seq < count; seq += 1) {
    const entry = Buffer.from(
      JSON.stringify({ method: "sign", outcome: "done", previous: base64url(link), seq, time: seq }),
    );
    entries.push(exact(entry));
    link = createHash("sha256")
      .update(Buffer.concat([Buffer.of(0), link, entry]))
      .digest();
  }
  const jwk = `{"crv":"Ed25519","kty":"OKP","x":"${base64url(raw)}"}`;
  const kid = createHash("sha256").update(jwk).digest("base64url");
  const said = { count, form: "briefcase-audit-head-1", host: "https://app.example", kid, link: base64url(link) };
  const document = Buffer.from(JSON.stringify(said));
  const signed = { document: exact(document), signature: exact(sign(null, document, privateKey)) };
  const head = { count, link: exact(link), publicKey: exact(raw), signed };
  return { entries, from: 0, oldest: 0, previous: exact(new Uint8Array(32)), head };
}

test("an audit log is verified to its signed head, and any change is detected", async () => {
  Object.assign(globalThis, { location: { origin: "https://app.example" } });
  const good = record(3);
  assert.deepEqual(await checkAudit(good), { linked: true, complete: true, head: "good" });
  const changed = {
    ...good,
    entries: good.entries.map((entry, at) =>
      at === 1 ? exact(Buffer.from(Buffer.from(entry).toString().replace("done", "lied"))) : entry,
    ),
  };
  assert.deepEqual(await checkAudit(changed), { linked: false, complete: false, head: "good" });
  const last = {
    ...good,
    entries: good.entries.map((entry, at) =>
      at === 2 ? exact(Buffer.from(Buffer.from(entry).toString().replace("done", "lied"))) : entry,
    ),
  };
  assert.deepEqual(await checkAudit(last), { linked: true, complete: false, head: "good" });
  assert.equal((await checkAudit({ ...good, entries: good.entries.slice(0, 2) })).complete, false);
  const other = record(3);
  assert.equal((await checkAudit({ ...good, head: { ...good.head, publicKey: other.head.publicKey } })).head, "bad");
  const { signed: _, ...unsigned } = good.head;
  assert.equal((await checkAudit({ ...good, head: unsigned })).head, "unsigned");
  Object.assign(globalThis, { location: { origin: "https://elsewhere.example" } });
  assert.equal((await checkAudit(good)).head, "bad");
});
