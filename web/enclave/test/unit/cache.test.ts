// The cache over the store: reads always return the stored data, even with other writers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreCache } from "../../src/worker/store/cache.ts";
import { MemoryStore } from "../../src/worker/store/memory.ts";
import type { Change } from "../../src/worker/store/rows.ts";

/** Pseudo-random numbers, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const KIDS = ["a", "b", "c"] as const;

/** A store whose commits can be made to fail. */
class Full extends MemoryStore {
  full = false;

  override async commit(changes: readonly Change[]): Promise<void> {
    if (this.full) throw new Error("full");
    await super.commit(changes);
  }
}

test("two workers over one store read the stored data, in any order of writes, deletions and failures", async () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const below = numbers(seed);
    const disk = new Full();
    const workers = [new StoreCache(disk), new StoreCache(disk)] as const;
    let end = 0;
    for (let step = 0; step < 60; step += 1) {
      const worker = workers[below(2) === 0 ? 0 : 1];
      // Every operation reads the head of the audit log before anything else.
      worker.syncTo(String(end));
      const kid = KIDS[below(3)] ?? "a";
      const kind = below(6);
      disk.full = kind === 5;
      const row = { uses: step, lastUsed: step };
      const changes: Change[] =
        kind === 0
          ? [{ table: "uses", key: kid }]
          : kind === 1
            ? [{ table: "uses" }]
            : [{ table: "uses", key: kid, row }];
      if (kind > 1) assert.deepEqual(await worker.read("uses", kid), await disk.read("uses", kid), `seed ${seed}`);
      await worker.commitTo(String(end + 1), changes).then(
        () => {
          end += 1;
        },
        () => assert.equal(kind, 5),
      );
      for (const one of KIDS) assert.deepEqual(await worker.read("uses", one), await disk.read("uses", one));
    }
  }
});

test("rows outside the cached tables are always read from the store", async () => {
  const disk = new MemoryStore();
  const worker = new StoreCache(disk);
  worker.syncTo("0");
  await worker.commitTo("1", [
    { table: "audit", key: 0, row: { previous: new Uint8Array(32), entry: new Uint8Array(1) } },
  ]);
  await disk.commit([{ table: "audit", key: 0 }]);
  assert.equal(await worker.read("audit", 0), undefined);
});
