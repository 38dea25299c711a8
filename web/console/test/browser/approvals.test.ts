import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { CLICK_DELAY_HIGH } from "../../src/approvals/click_delay.ts";
import { canonical } from "../../src/args/canonical.ts";
import { question } from "../stub/world.ts";
import { card, glimpse, type Opened, open, quit, readAll, rested } from "./harness.ts";

after(quit);

async function asked(given: Parameters<typeof question>[0] = {}, wish: Parameters<typeof open>[0] = {}) {
  const one = question(given);
  const opened = await open({ ...wish, prepare: stub => stub.world.questions.push(one) });
  await card(opened.page, one.id).waitFor();
  return { ...opened, question: one, own: card(opened.page, one.id) };
}

const allowed = (page: Page, name = "Allow once") => page.getByRole("button", { name }).and(page.locator(":enabled"));

const digests = (opened: Opened) => opened.stub.asked.filter(one => one.endsWith("/decision-digest"));

async function settled(opened: Opened): Promise<void> {
  await opened.page.locator(".done").waitFor();
}

for (const [name, decision] of [
  ["Deny", { decision: "deny" }],
  ["Allow once", { decision: "allow", scope: "once" }],
  ["Allow these arguments for the session", { decision: "allow", scope: "session_exact" }],
  ["Allow this tool for the session", { decision: "allow", scope: "session_tool" }],
] as const) {
  test(`“${name}” sends exactly that decision, with a passkey over the shown digest`, async () => {
    const opened = await asked();
    if (name.includes("session")) await opened.own.getByRole("button", { name: "More", exact: true }).click();
    await allowed(opened.page, name).click();
    await settled(opened);
    assert.deepEqual(opened.stub.routes.taken, [{ question: opened.question, decision }]);
    await opened.own.waitFor({ state: "detached" });
    await opened.close();
  });
}

test("a rule starts as narrow as possible and describes its effect", async () => {
  const opened = await asked();
  await opened.own.getByRole("button", { name: "More", exact: true }).click();
  await allowed(opened.page, "Create rule…").click();
  const dialog = opened.page.getByRole("dialog", { name: "Create rule" });
  await dialog.getByText("with exactly these arguments").waitFor();
  await dialog.getByRole("checkbox", { name: /body/ }).uncheck();
  await dialog.getByLabel("Duration").selectOption("7 days");
  await dialog.getByText("as long as repo and title stay the same; body may be anything or absent").waitFor();
  await allowed(opened.page, "Create rule and allow").click();
  await settled(opened);
  const decision = { decision: "allow", scope: "rule", fixed: ["repo", "title"], seconds: 604_800 };
  assert.deepEqual(
    opened.stub.routes.taken.map(one => one.decision),
    [decision],
  );
  await opened.close();
});

test("a request cannot be allowed until all of it was expanded and in view", async () => {
  const opened = await asked({ args: { script: "echo hello\n".repeat(120), zz: "rm -rf /" } });
  const { page, own } = opened;
  const button = own.getByRole("button", { name: "Allow once" });
  await own.getByText("show the remaining lines").waitFor();
  await own.getByRole("button", { name: /more lines/ }).click();
  // A jump to the end skips the middle, which counts as unread.
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  const unread = own.getByText(/Read everything first: \d+ % was in view/);
  await unread.waitFor();
  await rested(page);
  assert.equal(await button.isDisabled(), true);
  assert.equal(await unread.isVisible(), true);
  await readAll(page, opened.question.id);
  await allowed(page).waitFor();
  await opened.close();
});

test("after a change of line breaks the arguments must be read again", async () => {
  const opened = await asked({ args: { script: "echo hello world and more and more\n".repeat(35) } });
  await readAll(opened.page, opened.question.id);
  await allowed(opened.page).waitFor();
  await opened.page.setViewportSize({ width: 600, height: 500 });
  await opened.own.getByText(/Read everything first/).waitFor();
  assert.equal(await opened.own.getByRole("button", { name: "Allow once" }).isDisabled(), true);
  await opened.close();
});

test("Enter never allows, and no decision has the focus initially", async () => {
  const opened = await asked();
  const { page, stub } = opened;
  await allowed(page).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.closest(".actions") === null), true);
  await page.keyboard.press("Enter");
  await opened.own.getByRole("button", { name: "More", exact: true }).click();
  await allowed(page).waitFor();
  for (const name of [
    "Allow once",
    "Allow these arguments for the session",
    "Allow this tool for the session",
    "Deny",
  ]) {
    await page.getByRole("button", { name }).focus();
    await page.keyboard.press("Enter");
  }
  await page.getByRole("button", { name: "Create rule…" }).click();
  await allowed(page, "Create rule and allow").waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("checkbox").first().focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("Duration").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Create rule and allow" }).focus();
  await page.keyboard.press("Enter");
  // An effect of Enter would have arrived before this later response.
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await allowed(page, "Deny").click();
  await settled(opened);
  assert.deepEqual(
    stub.routes.taken.map(one => one.decision),
    [{ decision: "deny" }],
  );
  assert.equal(digests(opened).length, 1);
  await opened.close();
});

test("the shortcuts move, deny and show help; `a` only moves the focus", async () => {
  const [first, second] = [question({ asked: 1 }), question({ asked: 2, name: "merge_pull_request" })];
  const opened = await open({ prepare: stub => stub.world.questions.push(second, first) });
  const { page, stub } = opened;
  await card(page, second.id).waitFor();
  await allowed(page, "Deny").first().waitFor();
  const focused = () =>
    page.evaluate(() => document.activeElement?.closest("article")?.getAttribute("data-question") ?? "");
  // No request has the focus yet, so this denies nothing.
  await page.keyboard.press("d");
  await page.keyboard.press("j");
  assert.equal(await focused(), first.id);
  await page.keyboard.press("j");
  assert.equal(await focused(), second.id);
  await page.keyboard.press("k");
  assert.equal(await focused(), first.id);
  await page.keyboard.press("a");
  assert.equal(await page.evaluate(() => document.activeElement?.querySelector(".label")?.textContent), "Deny");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await page.keyboard.press("?");
  await help.waitFor();
  await page.keyboard.press("d");
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await card(page, second.id).focus();
  await page.keyboard.press("d");
  await settled(opened);
  assert.deepEqual(
    stub.routes.taken.map(one => [one.question.id, one.decision]),
    [[second.id, { decision: "deny" }]],
  );
  assert.deepEqual(digests(opened), [`POST /v1/approvals/${second.id}/decision-digest`]);
  await opened.close();
});

test("Space presses the focused decision", async () => {
  const opened = await asked();
  await allowed(opened.page).focus();
  await opened.page.keyboard.press("Space");
  await settled(opened);
  assert.deepEqual(
    opened.stub.routes.taken.map(one => one.decision),
    [{ decision: "allow", scope: "once" }],
  );
  await opened.close();
});

/** Records the button's state when another request appears, and the time until the button is enabled. */
function measureDelay(button: Locator, another: string) {
  return button.evaluateHandle((element, id) => {
    const own = element as HTMLButtonElement;
    const outcome = new Promise<{ disabledThen: boolean; rested: number }>(done => {
      let moved: { at: number; disabledThen: boolean } | undefined;
      new MutationObserver(() => {
        const here = document.querySelector(`article[data-question="${id}"]`) !== null;
        if (here) moved ??= { at: performance.now(), disabledThen: own.disabled };
        if (moved && !own.disabled) done({ disabledThen: moved.disabledThen, rested: performance.now() - moved.at });
      }).observe(document, { childList: true, attributes: true, subtree: true });
    });
    return { outcome };
  }, another);
}

test("a high risk has a one-second delay, restarted whenever the requests moved", async () => {
  const opened = await asked({ risk: "high" });
  const { page, stub, own } = opened;
  await allowed(page).waitFor();
  const another = question({ asked: 1 });
  const watched = await measureDelay(own.getByRole("button", { name: "Allow once" }), another.id);
  stub.world.questions.push(another);
  stub.tell("approvals");
  await card(page, another.id).waitFor();
  await own.scrollIntoViewIfNeeded();
  const { disabledThen, rested } = await watched.evaluate(({ outcome }) => outcome);
  assert.equal(disabledThen, true);
  // Timers never fire early; browsers round the clock by a few milliseconds.
  assert.ok(rested > CLICK_DELAY_HIGH - 10, `the delay was ${rested} ms`);
  await opened.close();
});

test("covered buttons are disabled", async () => {
  const opened = await asked();
  const { page, own } = opened;
  await allowed(page).waitFor();
  await page.evaluate(() => {
    const cover = document.createElement("div");
    cover.style.cssText = "position:fixed;inset:0;background:white;pointer-events:none;z-index:9";
    document.body.append(cover);
  });
  await own.getByText("something covers the buttons").waitFor();
  assert.equal(await own.getByRole("button", { name: "Allow once" }).isDisabled(), true);
  await opened.close();
});

test("a page without the focus disables the buttons", async () => {
  const opened = await asked();
  await allowed(opened.page).waitFor();
  await opened.page.evaluate(() => {
    document.hasFocus = () => false;
    dispatchEvent(new Event("blur"));
  });
  await opened.own.getByText("This window is not in front").waitFor();
  assert.equal(await opened.own.getByRole("button", { name: "Allow once" }).isDisabled(), true);
  await opened.close();
});

test("an expired request can be neither allowed nor denied", async () => {
  const opened = await asked({ expires: Date.now() + 2_500 });
  await opened.own.getByText("This request has expired").waitFor();
  for (const name of ["Deny", "Allow once"])
    assert.equal(await opened.own.getByRole("button", { name }).isDisabled(), true);
  await opened.close();
});

test("a request that needs approval each time offers only once", async () => {
  const opened = await asked({ once_only: true });
  await allowed(opened.page).waitFor();
  assert.deepEqual(await opened.own.locator(".actions button .label").allTextContents(), ["Deny", "Allow once"]);
  assert.equal(await opened.own.getByRole("button", { name: "More", exact: true }).count(), 0);
  await opened.close();
});

test("ambiguous arguments cannot be allowed", async () => {
  const opened = await asked({ arguments: '{"to":"me","to":"mallory"}' });
  await opened.own.getByText("These arguments are ambiguous").waitFor();
  assert.match(await opened.own.locator(".unreadable").innerText(), /mallory/);
  assert.equal(await opened.own.getByRole("button", { name: "Allow once" }).isDisabled(), true);
  await allowed(opened.page, "Deny").click();
  await settled(opened);
  await opened.close();
});

test("a tampered page that shows other arguments cannot allow them", async () => {
  const opened = await open({});
  const one = question({ args: { to: "mallory@evil.example" } });
  await opened.page.evaluate(() => {
    // Rewrites text as it is added to the page, as an extension might.
    const { createTextNode } = document;
    document.createTextNode = text => createTextNode.call(document, String(text).replace("mallory@evil", "alice@acme"));
  });
  opened.stub.world.questions.push(one);
  opened.stub.tell("approvals");
  const own = card(opened.page, one.id);
  await own.getByText("This page does not show the real arguments").waitFor();
  assert.equal(await own.getByRole("button", { name: "Allow once" }).isDisabled(), true);
  await opened.close();
});

test("a refused passkey sends no decision and shows the reason", async () => {
  const opened = await asked();
  await allowed(opened.page).waitFor();
  await opened.page.evaluate(() => {
    navigator.credentials.get = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await allowed(opened.page).click();
  await opened.page.getByRole("alert").getByText("The passkey was not used, so nothing changed.").waitFor();
  assert.deepEqual(opened.stub.routes.taken, []);
  await allowed(opened.page).waitFor();
  await opened.close();
});

test("without a passkey the card shows the command to type, and the way to a passkey is one press", async () => {
  const [one, other] = [question(), question({ id: "-AAAAAAAAAAAAAAAAAAAAA" })];
  const opened = await open({ passkey: false, prepare: stub => stub.world.questions.push(one, other) });
  const { page, stub } = opened;
  const own = card(page, one.id);
  await own.getByText(`briefcase approve ${one.id}`, { exact: true }).waitFor();
  // Without the hyphens, the id would be read as an option.
  await card(page, other.id).getByText(`briefcase approve -- ${other.id}`, { exact: true }).waitFor();
  assert.equal(await own.getByRole("button", { name: /Allow|Deny/ }).count(), 0, "no button without a use");
  await own.getByRole("button", { name: "Set up a passkey" }).click();
  await page.getByText("Now enter your PIN in the terminal").waitFor();
  stub.routes.acceptOffer();
  await page.getByText("Passkey added.").waitFor();
  await own.scrollIntoViewIfNeeded();
  await allowed(page).first().waitFor();
  await opened.close();
});

test("with no pending request, the way to a passkey is on the page", async () => {
  const opened = await open({ passkey: false });
  await opened.page.locator(".banner", { hasText: "briefcase approvals" }).waitFor();
  await opened.page.getByRole("button", { name: "Set up a passkey" }).click();
  await opened.page.getByText("Now enter your PIN in the terminal").waitFor();
  await opened.close();
});

test("new requests are announced, counted in the title, and listed last", async () => {
  const opened = await asked({ asked: 1_000 });
  const { page, stub } = opened;
  await page.waitForFunction(() => document.title === "(1) Approvals · Briefcase");
  const late = question({ name: "delete_branch", asked: 2_000 });
  stub.world.questions.unshift(late);
  stub.tell("approvals");
  await page
    .locator("[data-announce]", {
      hasText: "claude-code wants to use the tool delete_branch of github. 2 approval requests pending.",
    })
    .waitFor();
  await page.waitForFunction(() => document.title === "(2) Approvals · Briefcase");
  const order = await page.locator("article").evaluateAll(all => all.map(one => one.getAttribute("data-question")));
  assert.deepEqual(order, [opened.question.id, late.id]);
  await opened.close();
});

test("when the event stream breaks, the page polls and then reconnects", async () => {
  const opened = await asked();
  const { page, stub } = opened;
  await page.locator(".live.live").waitFor();
  stub.streaming = false;
  stub.hangUp();
  await page.getByText("Reconnecting; checking every few seconds").waitFor();
  const late = question({ name: "delete_branch" });
  stub.world.questions.push(late);
  await card(page, late.id).waitFor();
  stub.streaming = true;
  await page.getByText("Live", { exact: true }).waitFor();
  await opened.close();
});

test("the full digest is copied", async () => {
  const opened = await asked();
  await opened.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened.own.getByText("Details", { exact: true }).click();
  const copy = opened.own.getByRole("button", { name: "Copy digest" });
  const copied = await glimpse(copy, "Copied");
  await copy.click();
  await copied();
  assert.equal(await opened.page.evaluate(() => navigator.clipboard.readText()), opened.question.digest);
  assert.equal(canonical(JSON.parse(opened.question.arguments)), opened.question.arguments);
  await opened.close();
});
