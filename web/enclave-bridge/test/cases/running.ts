// Attacks during and after the load of the enclave.

import assert from "node:assert/strict";
import type { World } from "../world/world.ts";
import type { Case } from "./stage.ts";

/** A page of no release that sends a ready message: a server could send it to the frame only. */
const EVIL = `<!doctype html><script>parent.postMessage({ briefcase: "ready", schema: 1 }, "*");</script>`;

function equivocate(world: World, headers: Readonly<Record<string, string>>): void {
  world.cheat = (path, { headers: { "sec-fetch-dest": dest } }) =>
    path === "/kms.html" && dest === "iframe"
      ? {
          headers: {
            "Content-Type": "text/html",
            "Cross-Origin-Embedder-Policy": "require-corp",
            "Cross-Origin-Resource-Policy": "same-site",
            ...headers,
          },
          body: EVIL,
        }
      : undefined;
}

export const running: readonly Case[] = [
  {
    name: "a page other than the verified one does not run in the frame",
    engines: ["chromium"],
    run: async stage => {
      equivocate(stage.world, {});
      const page = await stage.fresh();
      await page.refused("channel", "no_ready", { timeout: 2500 });
    },
  },
  {
    name: "a page with the release's policy but other code does not run",
    engines: ["chromium"],
    run: async stage => {
      const policy = stage.world.policyOfPage;
      equivocate(stage.world, { "Content-Security-Policy": policy });
      await (await stage.fresh()).refused("channel", "no_ready", { timeout: 2500 });
    },
  },
  {
    name: "a page served without its policy, or with a laxer one, does not run",
    engines: ["chromium"],
    run: async stage => {
      const { world } = stage;
      const lax = world.policyOfPage.replace("connect-src 'none'", "connect-src *");
      for (const policy of [undefined, lax]) {
        const body = (await world.file("kms.html")).toString();
        world.cheat = (path, { headers: { "sec-fetch-dest": dest } }) =>
          path === "/kms.html" && dest === "iframe"
            ? {
                body,
                headers: {
                  "Content-Type": "text/html",
                  "Cross-Origin-Embedder-Policy": "require-corp",
                  "Cross-Origin-Resource-Policy": "same-site",
                  ...(policy === undefined ? {} : { "Content-Security-Policy": policy }),
                },
              }
            : undefined;
        await (await stage.fresh()).refused("channel", "no_ready", { timeout: 2500 });
      }
    },
  },
  {
    name: "a browser that cannot enforce the hash reports that with every verification",
    engines: ["firefox"],
    run: async stage => {
      const page = await stage.fresh();
      const shot = await page.verified();
      assert.equal(shot.enforced, "outside");
      const text = await page.do<string>("text");
      assert.ok(text.includes("Checked from outside") && text.includes("cannot enforce the hash"), text);
    },
  },
  {
    name: "ready messages of other frames are ignored and get no port",
    run: async stage => {
      const page = await stage.fresh();
      await page.do("stranger", `${stage.world.origin("evil")}/`);
      await page.verified();
      assert.equal(await page.do("given"), 0);
      assert.equal((await page.do("flow")).ok.valid, true);
    },
  },
  {
    name: "a second ready message, a reload and a forged end message end the connection, without a second port",
    run: async stage => {
      const tricks = {
        second_ready: "app => void parent.postMessage({ briefcase: 'ready', schema: 1 }, app)",
        worker_ended: "app => void parent.postMessage({ briefcase: 'ended' }, app)",
        navigated: "() => void setTimeout(() => location.reload(), 0)",
      };
      for (const [lost, code] of Object.entries(tricks)) {
        const page = await stage.fresh();
        await page.verified();
        await page.tab.inFrame(code, stage.world.origin("app"));
        await page.until("it is lost", "host.shot().state === 'lost'");
        const shot = await page.do("shot");
        // After a reload the browser may deliver the ready message first.
        if (lost !== "navigated") assert.equal(shot.lost, lost);
        assert.equal(await page.do("frames"), 0);
        const answers = await page.do("everything");
        assert.ok(answers.every(({ answer }: { answer: { refused?: unknown } }) => answer.refused !== undefined));
        await page.press("Verify and load");
        await page.until("it is verified again", "host.shot().state === 'verified'");
        await page.tab.close();
      }
    },
  },
  {
    name: "Verify stops a running release that was withdrawn",
    run: async stage => {
      const { world } = stage;
      const page = await stage.fresh();
      await page.verified();
      world.manifest = { ...world.manifest, allowed: [], current: { ...world.one.release, version: 3 } };
      world.manifest.deprecated.push(world.two.release);
      await page.press("Verify");
      await page.until("it is refused", "host.shot().state === 'unverified-refused'");
      await page.closed("module", "unknown_module");
    },
  },
  {
    name: "without network a verified enclave stays verified and shows the failed check",
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      stage.world.cheat = () => ({ status: 503 });
      await page.press("Verify");
      await page.until("it says so", "host.shot().notice !== undefined");
      assert.equal((await page.do("shot")).state, "verified");
      assert.equal((await page.do("flow")).ok.valid, true);
      stage.world.cheat = () => undefined;
      await page.press("Verify");
      await page.until("it is checked again", "host.shot().notice === undefined");
    },
  },
  {
    name: "concurrent opens share one enclave, and a closed one is not opened",
    run: async stage => {
      const page = await stage.fresh();
      const wanted = { url: stage.world.page, policy: stage.world.policy };
      const twice = await page.do("hasty", wanted, "open");
      assert.equal(twice.shot.state, "verified", JSON.stringify(twice));
      assert.equal(await page.do("frames"), 1);
      assert.equal((await page.do("flow")).ok.valid, true);
      const closed = await page.do("hasty", wanted, "close");
      assert.deepEqual([closed.first.refused?.code, closed.shot.state], ["closed", "unverified-refused"]);
      assert.equal(await page.do("frames"), 0);
      await page.verified();
      assert.equal(await page.do("frames"), 1);
    },
  },
  {
    name: "a cancelled or timed-out call fails without ending the channel",
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      assert.match((await page.do("cancelled")).thrown, /AbortError/);
      const late = await page.do("call", "status", 0);
      assert.ok(late.ok !== undefined || late.refused.code === "timeout", JSON.stringify(late));
      assert.equal((await page.do("flow")).ok.valid, true);
      assert.equal((await page.do("shot")).state, "verified");
    },
  },
  {
    name: "an unresponsive server fails after the timeout",
    run: async stage => {
      stage.world.cheat = path => (path.endsWith("manifest.json") ? { hang: true } : undefined);
      await (await stage.fresh()).refused("fetch", "timeout", { timeout: 800 });
    },
  },
];
