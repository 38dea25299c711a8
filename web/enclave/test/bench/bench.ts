// The benchmark: one table and one line of JSON. Fails if a limit of requirement J7 is exceeded.

import { Stage } from "../cases/case.ts";
import { type EngineName, start } from "../engines/start.ts";
import { type Figure, measure } from "../measure.ts";
import { World } from "../world.ts";

const SCALE = 5;
const engines = (process.env["ENCLAVE_ENGINES"] ?? "").split(" ") as EngineName[];
const world = await World.start();
const all: Record<string, readonly Figure[]> = {};
try {
  for (const name of engines) all[name] = await measured(name);
} finally {
  await world.stop();
}

async function measured(name: EngineName): Promise<readonly Figure[]> {
  const engine = await start(name);
  const stage = new Stage(world, engine, name === "webkit" ? world.numbered : world.named);
  try {
    return await measure(stage, SCALE);
  } finally {
    await stage.end();
    await engine.close();
  }
}

const ms = (time: number): string => time.toFixed(1).padStart(7);
console.log(`${"ms".padEnd(52)}    p50     p95    mean    goal   limit`);
for (const [name, figures] of Object.entries(all))
  for (const { what, p50, p95, mean, goal, limit } of figures)
    console.log(`${`${name}: ${what}`.padEnd(52)}${[p50, p95, mean, goal, limit].map(ms).join(" ")}`);
console.log(JSON.stringify(all));
const over = Object.entries(all).flatMap(([name, figures]) =>
  figures.filter(({ p95, limit }) => p95 > limit).map(({ what }) => `${name}: ${what}`),
);
if (over.length > 0) console.log(`over the limit: ${over.join(", ")}`);
process.exit(over.length === 0 ? 0 : 1);
