// Engine behaviour that the enclave relies on or works around. If an engine changes it, the case fails, and
// docs/enclave.md needs an update.

import assert from "node:assert/strict";
import type { EngineName } from "../engines/engine.ts";
import type { Host } from "../host.ts";
import type { Case } from "./case.ts";

type Facts<F> = Readonly<Record<EngineName, F>>;

const MARK = `value => {
  const before = localStorage.getItem("mark");
  if (value !== null) localStorage.setItem("mark", value);
  return before;
}`;

/** Whether a frame on another site, and the enclave's own page, see the data written here. */
const SEEN: Facts<{ far: boolean; alone: boolean }> = {
  chromium: { far: false, alone: true },
  firefox: { far: false, alone: true },
  webkit: { far: false, alone: false },
};

const WINDOWS: Facts<boolean> = { chromium: true, firefox: true, webkit: false };

/** `null`: the engine does not know the header. */
const ISOLATED: Facts<boolean | null> = { chromium: true, firefox: true, webkit: null };

const embed = async (host: Host, page: string): Promise<boolean> => {
  await host.tab.goto(page);
  return (await host.boot({ url: `${host.origins.kms}/kms.html` })).ready;
};

export const engine: readonly Case[] = [
  {
    name: "each embedding site has its own store and sees no other site's keys",
    run: async stage => {
      const near = await stage.fresh();
      const { kid } = await near.generate("ES256", "signing");
      const { store } = await near.call("status");
      await near.tab.inFrame(MARK, "near");
      const far = await stage.bare();
      assert.ok(await embed(far, `${stage.origins.far}/`), "a host of the list may embed it from anywhere");
      const seen = { far: (await far.tab.inFrame(MARK, null)) === "near", alone: false };
      assert.notEqual((await far.call("status")).store, store);
      assert.deepEqual((await far.call("list")).keys, []);
      await far.refused("unknown_key", "publicKey", { kid });
      const alone = await stage.bare();
      await alone.tab.goto(`${stage.origins.kms}/kms.html`);
      seen.alone = (await alone.tab.run(MARK, null)) === "near";
      assert.deepEqual(seen, SEEN[stage.engine.name]);
    },
  },
  {
    name: "a popup opens on a click, except in WebKitGTK under automation",
    run: async stage => {
      const host = await stage.fresh();
      await host.tab.run(`() => {
        const { open } = window;
        window.open = (...how) => { host.opened = open.apply(window, how); return host.opened; };
      }`);
      await host.tab.click("#window", "page");
      const opened = await host.tab.run<boolean>(
        "() => { const opened = host.opened !== null; host.opened?.close(); return opened; }",
      );
      assert.equal(opened, WINDOWS[stage.engine.name]);
    },
  },
  {
    name: "the enclave's frame is a secure context that shares no agent with its host",
    run: async stage => {
      const host = await stage.fresh();
      const own = await host.tab.inFrame<{ secure: boolean; alone: unknown }>(
        "() => ({ secure: isSecureContext, alone: self.originAgentCluster ?? null })",
      );
      assert.deepEqual(own, { secure: true, alone: ISOLATED[stage.engine.name] });
    },
  },
];
