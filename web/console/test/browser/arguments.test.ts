/** Attack 20: the page shows exactly the bound value, in a real browser. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import type { Page } from "playwright-core";
import { canonical } from "../../src/args/canonical.ts";
import { nasty, value } from "../nasty.ts";
import type { Stub } from "../stub/server.ts";
import { question } from "../stub/world.ts";
import { card, open, quit, unfold } from "./harness.ts";

after(quit);
const SHOTS = fileURLToPath(new URL("test/shots/nasty/", CONSOLE_FOLDER));
const RUNS = Number(process.env["BRIEFCASE_PROPERTY_RUNS"] ?? 300);
const AT_ONCE = 20;

/** Returns all text of the expanded arguments, the visible text, and the hidden elements. */
async function shown(page: Page, id: string): Promise<{ text: string; visible: string; hidden: string[] }> {
  const own = card(page, id);
  await unfold(own);
  return own.locator("[data-arguments]").evaluate(element => {
    const hidden: string[] = [];
    const frame = element.getBoundingClientRect();
    for (const part of element.querySelectorAll<HTMLElement>("*")) {
      const style = getComputedStyle(part);
      const seen =
        style.visibility === "visible" &&
        style.display !== "none" &&
        style.opacity === "1" &&
        style.overflow === "visible" &&
        Number.parseFloat(style.fontSize) >= 11 &&
        style.color !== style.backgroundColor &&
        style.maxHeight === "none";
      const boxes = [...part.getClientRects()];
      const inside = boxes.every(
        box => box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.width > 0 && box.height > 0,
      );
      if (!seen || !inside || boxes.length === 0) hidden.push(part.outerHTML.slice(0, 200));
    }
    return { text: element.textContent ?? "", visible: (element as HTMLElement).innerText, hidden };
  });
}

async function ask(page: Page, stub: Stub, all: unknown[]): Promise<ReturnType<typeof question>[]> {
  const asked = all.map((args, at) => question({ arguments: canonical(args), asked: at }));
  stub.world.questions = asked;
  stub.tell("approvals");
  await card(page, asked.at(-1)!.id).waitFor();
  return asked;
}

test("the page shows the bound value, for generated arguments", async () => {
  const opened = await open();
  const batches = fc.sample(fc.array(value(), { minLength: AT_ONCE, maxLength: AT_ONCE }), {
    numRuns: Math.ceil(RUNS / AT_ONCE),
  });
  for (const batch of batches) {
    for (const one of await ask(opened.page, opened.stub, batch)) {
      const { text, visible, hidden } = await shown(opened.page, one.id);
      assert.equal(canonical(JSON.parse(text)), one.arguments);
      // Layout adds line breaks, also inside strings, and hides no other text.
      assert.equal(canonical(JSON.parse(visible.replaceAll("\n", ""))), one.arguments);
      assert.deepEqual(hidden, []);
    }
  }
  await opened.close();
});

test(`${nasty.length} deceptive cases are shown exactly, with a warning`, async () => {
  await mkdir(SHOTS, { recursive: true });
  const opened = await open({ height: 1000 });
  const { page } = opened;
  for (const { name, args, note } of nasty) {
    const [one] = await ask(page, opened.stub, [args]);
    const { text, visible, hidden } = await shown(page, one!.id);
    assert.equal(canonical(JSON.parse(text)), one!.arguments, name);
    assert.equal(canonical(JSON.parse(visible.replaceAll("\n", ""))), one!.arguments, name);
    assert.deepEqual(hidden, [], name);
    const warned = await card(page, one!.id).locator(".notes").allTextContents();
    if (note) assert.match(warned.join(), new RegExp(note.source.replace("^", "")), name);
    await card(page, one!.id).scrollIntoViewIfNeeded();
    await page.screenshot({ path: `${SHOTS}${name}.png` });
  }
  await opened.close();
});

test("right-to-left words stay in stored order", async () => {
  const opened = await open();
  const [one] = await ask(opened.page, opened.stub, [{ k: "pay שלום 100 to אבג 200 end" }]);
  const own = card(opened.page, one!.id);
  await own.waitFor();
  const places = await own.locator("[data-arguments]").evaluate(element => {
    const out: [string, number][] = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const match of node.textContent?.matchAll(/pay|שלום|100|to|אבג|200|end/g) ?? []) {
        const range = document.createRange();
        range.setStart(node, match.index);
        range.setEnd(node, match.index + match[0].length);
        out.push([match[0], range.getBoundingClientRect().left]);
      }
    }
    return out;
  });
  assert.deepEqual(
    places.map(([word]) => word),
    ["pay", "שלום", "100", "to", "אבג", "200", "end"],
  );
  for (let at = 1; at < places.length; at++) assert.ok(places[at]![1] > places[at - 1]![1], places[at]![0]);
  await opened.close();
});

test("names of servers, tools and agents are shown exactly too", async () => {
  const one = question({
    operation: "read_resource",
    name: "file:///etc/pass\u202ewd\u200b<b>x</b>",
    policies: ["a\u202eb"],
  });
  const opened = await open({ prepare: stub => stub.world.questions.push(one) });
  const title = await card(opened.page, one.id).locator("h2").textContent();
  assert.equal(title, "claude-code wants to read the resource file:///etc/pass\\u202ewd\\u200b<b>x</b> of github");
  assert.doesNotMatch(await opened.page.locator("body").innerText(), /[\u202e\u200b]/);
  await opened.close();
});
