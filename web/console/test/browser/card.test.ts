/** The layout of the approval card: its order, and its use in narrow windows. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { question } from "../stub/world.ts";
import { card, open, quit, readAll, rested } from "./harness.ts";

after(quit);

const FIVE = { assignee: null, draft: false, labels: ["bug"], repo: "acme/shop", title: "Checkout fails for EU cards" };

for (const [width, height] of [
  [360, 740],
  [480, 800],
  [1280, 900],
] as const) {
  test(`at ${width} px, arguments come first, and all of them and the decisions are on the first screen`, async () => {
    const one = question({ args: FIVE, labels: ["untrusted_content"] });
    const opened = await open({ width, height, prepare: stub => stub.world.questions.push(one) });
    const own = card(opened.page, one.id);
    await own.locator(".deny:enabled").waitFor();
    const order = await own.evaluate(element =>
      [".asks", "[data-arguments]", ".stakes", ".deny", ".allow", ".longer", ".details"].map(selector => {
        const box = element.querySelector(selector)?.getBoundingClientRect() ?? new DOMRect();
        return { selector, left: box.left, right: box.right, top: box.top, bottom: box.bottom };
      }),
    );
    const [sentence, args, stakes, deny, allow, more, details] = order;
    assert.ok(sentence && args && stakes && deny && allow && more && details);
    for (const [above, below] of [
      [sentence, args],
      [args, stakes],
      [stakes, deny],
      [allow, details],
    ] as const)
      assert.ok(above.bottom <= below.top, `${above.selector} is above ${below.selector}`);
    for (const box of [args, deny, allow, more]) {
      assert.ok(box.bottom <= height, `${box.selector} ends at ${box.bottom}`);
      assert.ok(box.left >= 0 && box.right <= width, `${box.selector} is in the window`);
    }
    assert.equal(await opened.page.evaluate(() => document.documentElement.scrollWidth), width);
    // What the buttons need was in view at once: no scrolling was necessary.
    await own.locator(".allow:enabled").waitFor();
    await opened.close();
  });
}

test("every disabled button says why, on itself and to screen readers", async () => {
  const one = question({ args: { script: "echo hello\n".repeat(120) } });
  const opened = await open({ width: 360, height: 740, prepare: stub => stub.world.questions.push(one) });
  const own = card(opened.page, one.id);
  await own.getByRole("button", { name: "More", exact: true }).click();
  await own.getByText("show the remaining lines").waitFor();
  const disabled = await own.locator("button:disabled").evaluateAll(all =>
    all.map(button => ({
      on: button.querySelector("small")?.textContent,
      full: document.getElementById(button.getAttribute("aria-describedby") ?? "")?.textContent,
    })),
  );
  assert.equal(disabled.length, 4);
  for (const reason of disabled)
    assert.deepEqual(reason, { on: "read it all first", full: "Read everything first: show the remaining lines." });
  await opened.close();
});

test("arguments under the bar of decisions count as unread", async () => {
  const one = question({ args: { script: "echo hello\n".repeat(24) } });
  const opened = await open({ width: 360, height: 740, prepare: stub => stub.world.questions.push(one) });
  const { page } = opened;
  const own = card(page, one.id);
  await own.locator(".deny:enabled").waitFor();
  // The last line is in the window, but the bar covers it.
  const left = await own.evaluate(element => {
    const body = element.querySelector("[data-arguments]")?.getBoundingClientRect().bottom ?? 0;
    scrollBy(0, body - innerHeight + 4);
    return new Promise<boolean>(done =>
      requestAnimationFrame(() => {
        const bottom = element.querySelector("[data-arguments]")?.getBoundingClientRect().bottom ?? 0;
        const bar = element.querySelector(".actions")?.getBoundingClientRect().top ?? 0;
        done(bottom < innerHeight && bar < bottom);
      }),
    );
  });
  assert.equal(left, true);
  await rested(page);
  assert.equal(await own.getByRole("button", { name: "Allow once" }).isDisabled(), true);
  await readAll(page, one.id);
  await own.locator(".allow:enabled").first().waitFor();
  await opened.close();
});
