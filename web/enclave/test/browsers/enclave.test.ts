// Every case in every requested engine.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type Case, Stage } from "../cases/case.ts";
import { channel } from "../cases/channel.ts";
import { engine as facts } from "../cases/engine.ts";
import { interop } from "../cases/interop.ts";
import { keys } from "../cases/keys.ts";
import { person } from "../cases/person.ts";
import { sessions } from "../cases/sessions.ts";
import { store } from "../cases/store.ts";
import { strong } from "../cases/strong.ts";
import type { Engine, EngineName } from "../engines/engine.ts";
import { start } from "../engines/start.ts";
import { World } from "../world.ts";

declare const ENCLAVE_FOLDER: string;

const CASES: readonly Case[] = [...facts, ...keys, ...channel, ...person, ...store, ...sessions, ...interop, ...strong];
const shows = ({ only }: Case, name: EngineName): boolean => only === undefined || only.engines.includes(name);
const engines = (process.env["ENCLAVE_ENGINES"] ?? "").split(" ").filter(name => name !== "") as EngineName[];

let world: World;
before(async () => {
  assert.ok(engines.length > 0, "no engine given");
  world = await World.start();
});
after(() => world?.stop());

for (const name of engines) {
  describe(name, () => {
    let engine: Engine;
    before(async () => {
      engine = await start(name);
    });
    after(() => engine.close());
    for (const { name: title, run } of CASES.filter(one => shows(one, name))) {
      test(`${name}: ${title}`, { timeout: 300_000 }, async () => {
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

test("docs/enclave.md lists the cases that an engine cannot run, with the reason", async () => {
  const text = await readFile(`${ENCLAVE_FOLDER}../../docs/enclave.md`, "utf8");
  const rows = CASES.flatMap(({ name, only }) =>
    only === undefined ? [] : [`| ${name} | ${only.engines.join(", ")} | ${only.because} |`],
  );
  assert.deepEqual(
    text.split("\n").filter(line => / \| (chromium|firefox|webkit)/.test(line)),
    rows,
  );
});
