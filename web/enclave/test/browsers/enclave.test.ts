// Every case in every engine that was asked for.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Case, Stage } from "../cases/case.ts";
import { channel } from "../cases/channel.ts";
import { keys } from "../cases/keys.ts";
import { person } from "../cases/person.ts";
import { sessions } from "../cases/sessions.ts";
import { speed } from "../cases/speed.ts";
import { store } from "../cases/store.ts";
import { strong } from "../cases/strong.ts";
import type { Engine, EngineName } from "../engines/engine.ts";
import { PuppetEngine } from "../engines/puppet.ts";
import { WebKitEngine } from "../engines/webkit.ts";
import { World } from "../world.ts";

const CASES: readonly Case[] = [...keys, ...channel, ...person, ...store, ...sessions, ...strong, ...speed];
const engines = (process.env["ENCLAVE_ENGINES"] ?? "").split(" ").filter(name => name !== "") as EngineName[];

const start = (name: EngineName): Promise<Engine> =>
  name === "webkit" ? WebKitEngine.start() : PuppetEngine.start(name);

let world: World;
before(async () => {
  assert.ok(engines.length > 0, "no engine was named");
  world = await World.start();
});
after(() => world.stop());

for (const name of engines) {
  describe(name, () => {
    let engine: Engine;
    before(async () => {
      engine = await start(name);
    });
    after(() => engine.close());
    for (const { name: title, engines: only, run } of CASES) {
      if (only !== undefined && !only.includes(name)) continue;
      test(`${name}: ${title}`, { timeout: 180_000 }, async () => {
        const stage = new Stage(world, engine, name === "webkit" ? world.numbered : world.named);
        try {
          await run(stage);
        } finally {
          await stage.end();
        }
      });
    }
  });
}
