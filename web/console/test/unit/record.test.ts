import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical } from "../../src/args/canonical.ts";
import type { ReceiptDetail, ReceiptPage } from "../../src/generated/contract.ts";
import { leafHash, rootFrom, same } from "../../src/receipts/merkle.ts";
import { join } from "../../src/receipts/pages.ts";
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
