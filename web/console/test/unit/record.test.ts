import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical } from "../../src/args/canonical.ts";
import type { ReceiptDetail, ReceiptPage } from "../../src/generated/contract.ts";
import { leafHash, rootFrom, same } from "../../src/receipts/merkle.ts";
import { join, search } from "../../src/receipts/pages.ts";
import { verify } from "../../src/receipts/verify.ts";
import { checkpointOf, leafOf, pathOf, proofText, rootOf, verifierKey } from "../stub/log.ts";

const leaves = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, at) => leafOf(Buffer.from(`entry ${at}`)));

test("every index of every small log has a valid proof, and its path proves no other index", async () => {
  for (let size = 1; size <= 33; size++) {
    const all = leaves(size);
    const root = rootOf(all);
    for (let index = 0; index < size; index++) {
      const leaf = await leafHash(new TextEncoder().encode(`entry ${index}`));
      const path = pathOf(index, all);
      const got = await rootFrom(leaf, BigInt(index), BigInt(size), path);
      assert.ok(got && same(got, root), `${index} of ${size}`);
      const elsewhere = await rootFrom(leaf, BigInt((index + 1) % size), BigInt(size), path);
      if (size > 1) assert.ok(!elsewhere || !same(elsewhere, root));
    }
  }
});

test("a path that is too short, too long or modified is invalid", async () => {
  const all = leaves(13);
  const leaf = new Uint8Array(all[6]!);
  const path = pathOf(6, all);
  const holds = async (given: Uint8Array[]): Promise<boolean> => {
    const root = await rootFrom(leaf, 6n, 13n, given);
    return root !== undefined && same(root, rootOf(all));
  };
  assert.equal(await holds(path), true);
  assert.equal(await holds(path.slice(1)), false);
  assert.equal(await holds([...path, path[0]!]), false);
  assert.equal(await holds(path.map((hash, at) => (at === 1 ? path[0]! : hash))), false);
});

function detail(index: number): ReceiptDetail {
  const receipts = Array.from({ length: 20 }, (_, at) => ({ at, k: "notice", v: 1, what: `thing-${at}` }));
  const all = receipts.map(one => leafOf(Buffer.from(canonical(one))));
  const path = pathOf(index, all);
  const checkpoint = checkpointOf(all);
  const proof = {
    leaf: all[index]!.toString("base64url"),
    path: path.map(one => one.toString("base64url")),
    checkpoint,
    text: proofText(index, path, checkpoint),
  };
  return { id: `r${index}`, receipt: receipts[index]!, related: [], proof };
}

test("an unmodified receipt passes every step; a modified one fails", async () => {
  const held = async (given: ReceiptDetail): Promise<(boolean | undefined)[]> =>
    (await verify(given, verifierKey)).map(step => step.valid);
  const [leaf, root, signed] = await held(detail(7));
  // Node 20 may lack Ed25519 in WebCrypto: then the step is unverified, never valid.
  assert.deepEqual([leaf, root], [true, true]);
  assert.notEqual(signed, false);
  const edited = detail(7);
  edited.receipt = { ...edited.receipt, what: "other" };
  assert.ok((await held(edited)).includes(false));
  const moved = { ...detail(7), id: "r8" };
  assert.ok((await held(moved)).includes(false));
  const forged = detail(7);
  forged.proof.checkpoint = forged.proof.checkpoint.replace(/\n20\n/, "\n21\n");
  assert.ok((await held(forged)).includes(false));
  const broken = detail(7);
  broken.proof.checkpoint = "nothing";
  assert.deepEqual(await held(broken), [false]);
});

test("pages merge without a gap, however many receipts arrived between two loads", () => {
  const row = (index: number) => ({ id: `r${index}`, receipt: { k: "notice", at: index } });
  const page = (newest: number, count: number): ReceiptPage => ({
    receipts: Array.from({ length: count }, (_, at) => row(newest - at)),
    size: newest + 1,
    ...(newest - count >= 0 ? { next: newest - count + 1 } : {}),
  });
  fc.assert(
    fc.property(fc.array(fc.nat(12), { maxLength: 8 }), steps => {
      let newest = 30;
      let state = join({ rows: [] }, page(newest, 5), undefined);
      for (const step of steps) {
        newest += step;
        state =
          step % 3 === 2 && state.next !== undefined
            ? join(state, page(state.next - 1, 5), state.next)
            : join(state, page(newest, 5), undefined);
        const places = state.rows.map(one => Number(one.id.slice(1)));
        assert.deepEqual(
          places,
          places.map((_, at) => places[0]! - at),
        );
      }
    }),
  );
});

/** Loads from a log of which only `match` matches, looking at `looked` receipts for each page. */
function log(size: number, match: number, looked: number) {
  const asked: (number | undefined)[] = [];
  const load = async (before: number | undefined): Promise<ReceiptPage> => {
    asked.push(before);
    const from = before ?? size;
    const to = Math.max(0, from - looked);
    const receipts = match >= to && match < from ? [{ id: `r${match}`, receipt: { k: "notice", at: 1 } }] : [];
    return { receipts, size, ...(to > 0 ? { next: to } : {}) };
  };
  return { asked, load };
}

test("a filter that finds nothing at first searches on, up to a limit, and continues from there", async () => {
  const rows: string[] = [];
  let next: number | undefined;
  const take = (page: ReceiptPage): boolean => {
    rows.push(...page.receipts.map(row => row.id));
    next = page.next;
    return true;
  };
  const near = log(1_000, 120, 100);
  await search(near.load, undefined, take);
  assert.deepEqual([rows, near.asked.length, next], [["r120"], 9, 100]);
  const far = log(10_000, 3, 100);
  await search(far.load, undefined, take);
  assert.deepEqual([rows.length, next], [1, 8_000], "it stops, and says how far it looked");
  while (rows.length === 1 && next !== undefined) await search(far.load, next, take);
  assert.deepEqual([rows[1], next], ["r3", undefined]);
  const none = log(500, 900, 100);
  await search(none.load, undefined, take);
  assert.deepEqual([rows.length, none.asked.length, next], [2, 5, undefined]);
});

test("a search ends when its filter changed, and when the daemon does not move on", async () => {
  const { asked, load } = log(1_000, 0, 10);
  await search(load, undefined, () => false);
  assert.equal(asked.length, 1);
  let looks = 0;
  await search(
    async () => ({ receipts: [], size: 9, next: ++looks && 5 }),
    undefined,
    () => true,
  );
  assert.equal(looks, 2);
});

test("new receipts do not move a search back to its start", () => {
  const empty = (size: number, next?: number): ReceiptPage => ({ receipts: [], size, ...(next ? { next } : {}) });
  const first = join({ rows: [] }, empty(1_000, 900), undefined);
  const further = join(first, empty(1_000, 300), 900);
  assert.equal(join(further, empty(1_001, 901), undefined).next, 300);
  assert.equal(join(join(further, empty(1_000), 300), empty(1_001, 901), undefined).next, undefined);
  assert.equal(join(further, empty(9_000, 8_900), undefined).next, 8_900, "a gap is searched again");
});
