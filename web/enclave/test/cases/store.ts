// The store: two tabs, a worker that ends, a full disk, lost data, older and newer releases.

import assert from "node:assert/strict";
import { until } from "../engines/engine.ts";
import { PuppetEngine, PuppetTab } from "../engines/puppet.ts";
import { bytes, type Loose, read } from "../host.ts";
import { record, valid } from "../verify.ts";
import { type Case, clear, databaseOf, dropDatabase, PERSON, Stage } from "./case.ts";

const MESSAGE = Buffer.from("what is signed");

export const store: readonly Case[] = [
  {
    name: "two tabs at once: one store, one audit log without a gap, every use counted",
    run: async stage => {
      const one = await stage.fresh();
      const two = await stage.host();
      const { kid } = await one.generate("ES256", "signing");
      const loop = `async kid => {
        for (let turn = 0; turn < 25; turn += 1) {
          const answer = await host.send("sign", { kid, bytes: new ArrayBuffer(turn) });
          if (answer.error !== undefined) return answer.error.code;
        }
        return "done";
      }`;
      // Both calls start before either is awaited.
      for (const { tab } of [one, two]) await tab.run(`kid => { host.looped = (${loop})(kid); }`, kid);
      for (const { tab } of [one, two]) assert.equal(await tab.run("() => host.looped"), "done");
      assert.equal((await two.call("list")).keys[0].uses, 50);
      assert.equal((await record(one)).filter(entry => entry.method === "sign").length, 50);
    },
  },
  {
    name: "a reset in one tab stops the other: it cannot use erased keys",
    only: PERSON,
    run: async stage => {
      const one = await stage.fresh();
      const two = await stage.host();
      const { kid } = await one.generate("ES256", "signing");
      await two.call("sign", { kid, bytes: bytes(MESSAGE) });
      await one.agreed("reset");
      await two.refused("store_moved", "sign", { kid, bytes: bytes(MESSAGE) });
      await two.refused("store_moved", "generate", { alg: "ES256", purpose: "signing" });
      await two.load();
      assert.equal((await two.call("list")).keys.length, 0);
    },
  },
  {
    name: "the end of a worker is reported, and committed data survives a restart",
    only: { engines: ["chromium", "firefox"], because: "WebKitGTK's driver cannot reach workers" },
    run: async stage => {
      const host = await stage.fresh();
      assert.ok(host.tab instanceof PuppetTab);
      if (stage.engine.name === "firefox") await host.tab.page.evaluateOnNewDocument(KEEP_WORKERS);
      await host.load();
      const { kid, publicKey } = await host.generate("ES256", "signing");
      const { store } = await host.call("status");
      if (stage.engine.name === "chromium") await endWorker(host.tab);
      else await host.tab.inFrame("() => window.workers.forEach(worker => worker.terminate())");
      await until("the host is told", async () => (await host.events()).includes("ended"));
      await host.load({ store });
      const { signature } = await host.call("sign", { kid, bytes: bytes(MESSAGE) });
      assert.ok(valid(publicKey, MESSAGE, read(signature)));
      await record(host);
    },
  },
  {
    name: "a full disk: a named error, no partial write, and operation resumes with free space",
    only: {
      engines: ["chromium"],
      because: "Firefox frees space by itself (next case), WebKitGTK has no switch for it",
    },
    run: async stage => {
      // A profile of its own: what deleted databases leave on the disk would count too. The browser caches the free
      // space for a while, so the limit is set before it opens the store.
      const engine = await PuppetEngine.start("chromium");
      const small = new Stage(stage.world, engine, stage.origins);
      try {
        const host = await small.fresh({ storage: "memory" });
        assert.ok(host.tab instanceof PuppetTab);
        const session = await host.tab.page.createCDPSession();
        const { origin } = new URL(stage.origins.kms);
        await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 150_000 });
        await host.load();
        const { kid } = await host.generate("ES256", "signing");
        const { done, code } = await host.tab.run<{ done: number; code?: string }>(
          `async kid => {
            for (let done = 0; done < 3000; done += 1) {
              const answer = await host.send("sign", { kid, bytes: new ArrayBuffer(8) });
              if (answer.error !== undefined) return { done, code: answer.error.code };
            }
            return { done: 3000 };
          }`,
          kid,
        );
        assert.equal(code, "quota_exceeded", `${done} signatures`);
        await host.refused("quota_exceeded", "generate", { alg: "ES256", purpose: "signing" });
        assert.deepEqual(
          (await host.call("list")).keys.map((key: Loose) => [key.kid, key.uses]),
          [[kid, done]],
        );
        await session.send("Storage.overrideQuotaForOrigin", { origin });
        await until(
          "there is room again",
          async () => "ok" in (await host.ask("sign", { kid, bytes: bytes(MESSAGE) })),
          90_000,
        );
        const signed = (await record(host)).filter(entry => entry.method === "sign" && entry.outcome === "done");
        assert.equal(signed.length, done + 1);
      } finally {
        await small.end();
        await engine.close();
      }
    },
  },
  {
    name: "a briefly full disk: a named error, no partial write, and operation resumes by itself",
    only: {
      engines: ["firefox"],
      because: "only this engine has a write log that fills before the database",
    },
    run: async stage => {
      const engine = await PuppetEngine.start("firefox", { "dom.quotaManager.temporaryStorage.fixedLimit": 2048 });
      const small = new Stage(stage.world, engine, stage.origins);
      try {
        const host = await small.fresh();
        const { kid } = await host.generate("ES256", "signing");
        const codes = await host.tab.run<Record<string, number>>(
          `async kid => {
            const codes = {};
            // Runs until the disk was full twice; the next write must succeed.
            for (let turn = 0; turn < 3000 && (codes.quota_exceeded ?? 0) < 2; turn += 1) {
              const { error } = await host.send("sign", { kid, bytes: new ArrayBuffer(8) });
              codes[error?.code ?? "ok"] = (codes[error?.code ?? "ok"] ?? 0) + 1;
            }
            return codes;
          }`,
          kid,
        );
        const { ok = 0, quota_exceeded: full, ...others } = codes;
        assert.deepEqual([full, others], [2, {}]);
        assert.equal((await host.call("list")).keys[0].uses, ok);
        const entries = (await record(host)).filter(entry => entry.method === "sign");
        assert.equal(entries.filter(entry => entry.outcome === "done").length, ok);
        assert.equal(entries.filter(entry => entry.outcome === "failed").length, 2);
      } finally {
        await small.end();
        await engine.close();
      }
    },
  },
  {
    name: "a lost store is reported and replaced only by a confirmed reset",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      const { store } = await host.call("status");
      const other = await stage.host({ storage: "memory" });
      await clear(other);
      await host.load({ store });
      assert.equal((await host.call("status")).lost, true);
      await host.refused("store_lost", "sign", { kid, bytes: bytes(MESSAGE) });
      await host.refused("store_lost", "generate", { alg: "ES256", purpose: "signing" });
      await host.refused("store_lost", "list");
      await host.load({ store });
      assert.equal((await host.call("status")).lost, true, "asking again replaces nothing");
      if (!PERSON.engines.includes(stage.engine.name)) return;
      const fresh = await host.agreed("reset");
      await host.load({ store: fresh.store });
      assert.equal((await host.call("status")).lost, false);
      await host.generate("ES256", "signing");
    },
  },
  {
    name: "a lost database is detected even if the host stored no state",
    run: async stage => {
      const host = await stage.fresh();
      await host.generate("ES256", "signing");
      const other = await stage.host({ storage: "memory" });
      await dropDatabase(other);
      await host.load();
      assert.equal((await host.call("status")).lost, true);
    },
  },
  {
    name: "a store deleted during use: calls are refused, and it is not recreated",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      const other = await stage.host({ storage: "memory" });
      await clear(other);
      const answer = await host.ask("sign", { kid, bytes: bytes(MESSAGE) });
      assert.ok("error" in answer && ["store_moved", "store_lost"].includes(answer.error.code), JSON.stringify(answer));
    },
  },
  {
    name: "keys survive a new release",
    run: async stage => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate("ES256", "signing");
      const { store } = await host.call("status");
      try {
        await stage.world.release("two");
        await host.load({ store });
        assert.deepEqual((await host.call("version")).hash, await stage.world.digest("two"));
        const { signature } = await host.call("sign", { kid, bytes: bytes(MESSAGE) });
        assert.ok(valid(publicKey, MESSAGE, read(signature)));
        await record(host);
      } finally {
        await stage.world.release("one");
      }
    },
  },
  {
    name: "a store written by a later release stays untouched",
    run: async stage => {
      const host = await stage.fresh();
      await host.generate("ES256", "signing");
      const other = await stage.host({ storage: "memory" });
      await other.tab.inFrame(
        `async name => {
        await new Promise((resolve, reject) => {
          const request = indexedDB.open(name, 1000);
          request.onsuccess = () => { request.result.close(); resolve(); };
          request.onerror = () => reject(request.error);
        });
      }`,
        databaseOf(other),
      );
      await host.refused("store_moved", "list");
      await host.load();
      await host.refused("store_newer", "list");
      await host.refused("store_newer", "generate", { alg: "ES256", purpose: "signing" });
    },
  },
  {
    name: "offline: a loaded enclave works, and its keys persist",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      const { store } = await host.call("status");
      const made = await stage.world.offline(async () => {
        await host.call("sign", { kid, bytes: bytes(MESSAGE) });
        return host.generate("Ed25519", "signing");
      });
      await host.load({ store });
      const { signature } = await host.call("sign", { kid: made.kid, bytes: bytes(MESSAGE) });
      assert.ok(valid(made.publicKey, MESSAGE, read(signature)));
      await record(host);
    },
  },
  {
    name: "a release with one changed byte does not run",
    run: async stage => {
      const host = await stage.fresh();
      const { writeFile } = await import("node:fs/promises");
      // A release that no cache holds.
      await stage.world.release("three");
      const path = `${stage.world.folder}/kms/artifacts/kms-${await stage.world.digest("three")}.mjs`;
      try {
        await writeFile(path, Buffer.concat([await stage.world.module("three"), Buffer.from("\n")]));
        await host.tab.goto(`${stage.origins.app}/`);
        const answer = await host.boot({ url: `${stage.origins.kms}/kms.html`, timeout: stage.absence });
        assert.equal(answer.ready, false);
      } finally {
        await stage.world.release("one");
      }
    },
  },
];

/** For engines whose debugger cannot reach workers: the frame's own code exposes them to the test. */
const KEEP_WORKERS = `
  window.workers = [];
  window.Worker = class extends window.Worker {
    constructor(...how) {
      super(...how);
      window.workers.push(this);
    }
  };`;

/** Ends the worker from outside, as a system short of memory does. */
async function endWorker(tab: PuppetTab): Promise<void> {
  const session = await tab.browser().target().createCDPSession();
  const { targetInfos } = await session.send("Target.getTargets", { filter: [{ type: "worker", exclude: false }] });
  assert.ok(targetInfos.length > 0, "there is a worker to end");
  for (const { targetId } of targetInfos) {
    const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: true });
    const inside = session.connection()?.session(sessionId);
    await inside?.send("Runtime.evaluate", { expression: "setTimeout(() => self.close(), 0)" });
  }
}
