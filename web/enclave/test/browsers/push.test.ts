// Push in the browsers that support it and accept a test push service, and between implementations without a browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PushEngine, type PushEngineName } from "../push/browser.ts";
import { cases, sameMessages } from "../push/cases.ts";
import { addWorker } from "../push/page.ts";
import { PushHost } from "../push/push_host.ts";
import { Rust } from "../push/rust.ts";
import { World } from "../world.ts";

const LIMIT = { timeout: 300_000 };
const engines = (process.env["ENCLAVE_ENGINES"] ?? "").split(" ");
const named = (["chromium", "firefox"] as const).filter(name => engines.includes(name));

test("push: npm's web-push and ours read what the other wrote", LIMIT, async () => {
  const rust = new Rust();
  await sameMessages(request => rust.ask(request)).finally(() => rust.stop());
});

function inBrowser(name: PushEngineName): void {
  let world: World;
  let pushHost: PushHost;
  let rust: Rust;
  before(async () => {
    rust = new Rust();
    world = await World.start();
    await addWorker(`${world.folder}/app`);
    const credentials = await rust.servePopup("localhost");
    const engine = await PushEngine.start(name, credentials, world.named.app);
    pushHost = await PushHost.open(engine, world, rust, credentials.root);
  }, LIMIT);
  after(async () => {
    rust?.stop();
    await pushHost?.engine.close();
    await world?.stop();
  });
  assert.ok(cases.length > 0);
  for (const { name: title, run } of cases) test(`${name}: push: ${title}`, LIMIT, () => run(pushHost));
}

for (const name of named) describe(`push in ${name}`, () => inBrowser(name));
