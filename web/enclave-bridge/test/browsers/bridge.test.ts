// Every case in every requested engine, against an enclave as the project builds it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PuppetEngine } from "../../../enclave/test/engines/puppet.ts";
import { releases } from "../cases/releases.ts";
import { running } from "../cases/running.ts";
import { type Case, Stage } from "../cases/stage.ts";
import { status } from "../cases/status.ts";
import { World } from "../world/world.ts";

const CASES: readonly Case[] = [...releases, ...running, ...status];
const engines = (process.env["ENCLAVE_ENGINES"] ?? "")
  .split(" ")
  .filter(name => name === "chromium" || name === "firefox");

let world: World;
before(async () => {
  assert.ok(engines.length > 0, "no engine given");
  world = await World.start();
});
after(() => world?.stop());

for (const name of engines) {
  describe(name, () => {
    let engine: PuppetEngine;
    before(async () => {
      engine = await PuppetEngine.start(name);
    });
    after(() => engine.close());
    for (const { name: title, engines: only, run } of CASES) {
      if (only !== undefined && !only.includes(name)) continue;
      test(`${name}: ${title}`, { timeout: 180_000 }, async () => {
        const stage = new Stage(world, engine);
        try {
          await run(stage);
        } finally {
          await stage.end();
        }
      });
    }
  });
}
