// The status element: every state is shown and announced, and neither enclave nor host controls its text.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Case, Loose, Page } from "./stage.ts";

declare const TEST_FOLDER: string;

async function accessible(page: Page): Promise<void> {
  await page.tab.page.evaluate(await readFile(`${TEST_FOLDER}../../node_modules/axe-core/axe.min.js`, "utf8"));
  const found = await page.tab.run<readonly string[]>(`async () => {
    const { violations } = await axe.run(document, { iframes: false });
    return violations.map(one => one.id + ": " + one.nodes.map(node => node.target + " " + node.failureSummary).join(" | "));
  }`);
  assert.deepEqual(found, []);
}

const SHOTS = process.env["BRIDGE_SHOTS"] ?? "";

async function shot(page: Page, name: string): Promise<void> {
  if (SHOTS !== "") await page.tab.page.screenshot({ path: `${SHOTS}/${name}.png` });
}

/** Lists what Tab reaches in the element, in order. */
async function tabbed(page: Page): Promise<readonly string[]> {
  await page.do("focus");
  const reached: string[] = [];
  for (let step = 0; step < 12; step += 1) {
    const at = await page.do<string>("focused");
    if (at === "" || reached.includes(at)) break;
    reached.push(at);
    await page.tab.page.keyboard.press("Tab");
  }
  return reached;
}

export const status: readonly Case[] = [
  {
    name: "verified: hash, signer, witnesses and release are shown, keyboard accessible and announced",
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      const text = await page.do<string>("text");
      const { sha256 } = stage.world.two.release;
      for (const part of [
        sha256.slice(0, 8),
        sha256.slice(-8),
        "release@briefcase.example",
        "one.example, two.example",
      ])
        assert.ok(text.includes(part), part);
      assert.equal(await page.do("mode"), "closed");
      assert.deepEqual(await tabbed(page), ["Show full", "Copy", "Verify", "View source"]);
      assert.equal(await page.do("live"), "status");
      await accessible(page);
      await shot(page, `${stage.name}-verified`);
      await page.do("press", "Show full");
      assert.ok((await page.do<string>("text")).includes(sha256));
      await page.tab.run(
        "() => document.querySelector('briefcase-enclave-status').setAttribute('repository', 'https://code.example/x/')",
      );
      await page.do("refresh");
      assert.equal(await page.do("source"), `https://code.example/x/tree/${"a".repeat(40)}`);
      await page.tab.run(
        "() => document.querySelector('briefcase-enclave-status').setAttribute('repository', 'javascript:alert(1)')",
      );
      await page.do("refresh");
      assert.match(await page.do("source"), /\/artifacts\/kms-[0-9a-f]{64}\.mjs$/);
    },
  },
  {
    name: "Verify by keyboard announces its completion",
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      await page.do("focusOn", "Verify");
      await page.tab.page.keyboard.press("Enter");
      await page.until("it says so", "host.text().includes('Verified again at')");
    },
  },
  {
    name: "checking, refused and lost are shown accessibly in light, dark and high contrast, wide and narrow",
    run: async stage => {
      const page = await stage.fresh();
      stage.world.cheat = path => (path.endsWith("manifest.json") ? { hang: true } : undefined);
      await page.do("prepare", { url: stage.world.page, policy: stage.world.policy, timeout: 30_000 });
      assert.ok((await page.do<string>("text")).includes("Checking"));
      await accessible(page);
      stage.world.reset();
      stage.world.evidence = { ...stage.world.evidence, identity: "mallory@evil.example" };
      await page.refused("signature", "identity");
      const text = await page.do<string>("text");
      assert.ok(text.includes("nother identity signed"), text);
      assert.deepEqual(await tabbed(page), ["Verify and load"]);
      await looks(page, stage.name, "refused");
      stage.world.reset();
      await page.verified();
      await looks(page, stage.name, "verified");
      await page.tab.inFrame("app => void parent.postMessage({ briefcase: 'ended' }, app)", stage.world.origin("app"));
      await page.until("it is lost", "host.shot().state === 'lost'");
      await looks(page, stage.name, "lost");
    },
  },
  {
    name: "a confirmation appears in the frame, above everything, and closes with the decision",
    engines: ["chromium"],
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      const kid = await page.do<string>("generate");
      assert.equal(await page.do("dialog"), false);
      await page.do("begin", "revoke", { kid });
      await page.until("the confirmation is shown", "host.dialog()");
      assert.equal((await page.do("shot")).state, "needs-gesture");
      assert.equal((await page.do("call", "list")).refused, undefined, "other calls are answered meanwhile");
      await page.tab.page.keyboard.press("Escape");
      assert.equal(await page.do("dialog"), true, "Escape does not hide a pending confirmation");
      await accessible(page);
      await shot(page, "chromium-question");
      await page.tab.text("button.yes[aria-disabled=false]", "frame");
      await page.tab.click("button.yes", "frame");
      assert.deepEqual(await page.do("begun"), { ok: {} });
      assert.equal(await page.do("dialog"), false);
      assert.equal((await page.do("shot")).state, "verified");
    },
  },
  {
    name: "a lost store is reported on the next visit; after a reset the new store is remembered",
    engines: ["chromium"],
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      await page.do("generate");
      await page.tab.inFrame(`async () => {
        localStorage.clear();
        for (const { name } of await indexedDB.databases())
          await new Promise(resolve => { const gone = indexedDB.deleteDatabase(name); gone.onsuccess = gone.onblocked = resolve; });
      }`);
      assert.equal((await page.verified()).storeLost, true);
      assert.ok((await page.do<string>("text")).includes("deleted the stored keys"));
      await page.do("begin", "reset", {});
      await page.tab.text("button.yes[aria-disabled=false]", "frame");
      await page.tab.click("button.yes", "frame");
      assert.ok((await page.do("begun")).ok.store.length > 0);
      assert.equal((await page.do("shot")).storeLost, false);
      assert.equal((await page.verified()).storeLost, false, "on the next visit too");
    },
  },
  {
    name: "without visibility detection, the confirmation opens in a popup",
    engines: ["firefox"],
    run: async stage => {
      const page = await stage.fresh();
      await page.verified();
      const kid = await page.do<string>("generate");
      await page.do("begin", "revoke", { kid });
      await page.until("a confirmation is pending", "host.shot().state === 'needs-gesture'");
      await accessible(page);
      await shot(page, "firefox-question");
      await page.press("Open the confirmation window");
      await page.tab.text("button.yes[aria-disabled=false]", "window");
      await page.tab.click("button.yes", "window");
      assert.deepEqual(await page.do("begun"), { ok: {} });
      await page.until("it is over", "host.shot().state === 'verified'");
    },
  },
  {
    name: "without an enclave it shows nothing, and a release's data is text, not markup",
    run: async stage => {
      const page = await stage.fresh();
      assert.equal(await page.do("within", "section[hidden]"), true);
      const identity = "<img src=x onerror=alert(1)>@evil.example";
      stage.world.evidence = { ...stage.world.evidence, identity };
      const policy = JSON.stringify({ ...JSON.parse(stage.world.policy), identity });
      await page.verified({ policy });
      assert.ok((await page.do<string>("text")).includes(identity));
      assert.equal(await page.do("within", "img"), false);
    },
  },
];

async function looks(page: Page, engine: string, state: string): Promise<void> {
  const { page: tab } = page.tab;
  const features = (scheme: string, contrast: string): Loose => [
    { name: "prefers-color-scheme", value: scheme },
    { name: "forced-colors", value: contrast },
  ];
  await accessible(page);
  await shot(page, `${engine}-${state}-light`);
  if (engine !== "chromium") return;
  const session = await tab.createCDPSession();
  for (const [name, scheme, contrast] of [
    ["dark", "dark", "none"],
    ["contrast", "dark", "active"],
  ] as const) {
    await session.send("Emulation.setEmulatedMedia", { features: features(scheme, contrast) });
    await accessible(page);
    await shot(page, `${engine}-${state}-${name}`);
  }
  await session.send("Emulation.setEmulatedMedia", { features: features("light", "none") });
  await session.send("Emulation.setDeviceMetricsOverride", {
    width: 320,
    height: 700,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await accessible(page);
  const over = await page.tab.run<number>(
    "() => document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  assert.equal(over, 0, "nothing sticks out of a narrow page");
  await shot(page, `${engine}-${state}-narrow`);
  await session.send("Emulation.clearDeviceMetricsOverride");
  await session.detach();
}
