/** The other pages: each does its job, and all are accessible in light and in dark. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { question } from "../stub/world.ts";
import { arrive, card, open, quit, until, visit } from "./harness.ts";

after(quit);
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds wrong. It is put in through the debugger: the page's own policy would not let it in. */
async function violations(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: AXE });
  const run =
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | '))))";
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression: run, awaitPromise: true });
  assert.equal(exceptionDetails, undefined);
  return JSON.parse(String(result.value)) as string[];
}

for (const dark of [false, true]) {
  test(`axe finds nothing on any page, ${dark ? "dark" : "light"}`, async () => {
    const one = question({
      risk: "high",
      labels: ["untrusted_content"],
      cost: "0.10 USD",
      args: { to: "p\u0430ypal\u200b", n: 1e21, pad: `a${" ".repeat(20)}b` },
    });
    const opened = await open({ dark, prepare: stub => stub.world.questions.push(one, question({ asked: 1 })) });
    const { page } = opened;
    for (const path of ["/approvals", "/servers", "/receipts", "/budgets", "/policy", "/security"]) {
      await arrive(page, path);
      assert.deepEqual(await violations(page), [], path);
    }
    await arrive(page, "/receipts");
    await page.locator("tbody button").first().click();
    await page.getByRole("button", { name: "Verify in this page" }).click();
    await page.locator(".steps").waitFor();
    assert.deepEqual(await violations(page), [], "receipt");
    await arrive(page, "/approvals");
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await violations(page), [], "help");
    await opened.close();
  });
}

test("empty pages and the page without a session are accessible too, and teach", async () => {
  const opened = await open({
    passkey: false,
    prepare: stub =>
      Object.assign(stub.world, { servers: [], tools: [], budgets: [], receipts: [], agents: [], grants: [] }),
  });
  const { page } = opened;
  for (const [path, text] of [
    ["/approvals", "Nothing is waiting"],
    ["/servers", "briefcase server add"],
    ["/receipts", "briefcase receipts verify"],
    ["/budgets", "briefcase budget set"],
  ] as const) {
    await visit(page, path);
    await page.getByText(text).first().waitFor();
    assert.deepEqual(await violations(page), [], path);
  }
  await page.reload();
  await page.getByText("briefcase console", { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);
  await opened.close();
});

test("nothing needs sideways scrolling on a narrow window", async () => {
  const opened = await open({
    width: 360,
    height: 740,
    prepare: stub => stub.world.questions.push(question({ args: { token: "A".repeat(5_000) } })),
  });
  for (const path of ["/approvals", "/servers", "/receipts", "/budgets", "/policy", "/security"]) {
    await arrive(opened.page, path);
    assert.equal(await opened.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, path);
  }
  await opened.close();
});

test("a receipt is proved in the page, and a changed one is not", async () => {
  const opened = await open({ path: "/receipts" });
  const { page } = opened;
  const check = async (): Promise<string[]> => {
    await page.getByRole("button", { name: "Verify in this page" }).click();
    await page.locator(".steps li").first().waitFor();
    return page.locator(".steps li").evaluateAll(all => all.map(one => one.className));
  };
  await page.locator("tbody button").nth(3).click();
  assert.deepEqual(await check(), ["holds", "holds", "holds"]);
  await page.getByRole("button", { name: "Close the receipt" }).click();
  await page.locator(".detail").waitFor({ state: "detached" });
  await page.route("**/v1/receipts/r*", async route => {
    const answer = await route.fetch();
    const detail = (await answer.json()) as { receipt: Record<string, unknown> };
    detail.receipt["at"] = 1;
    await route.fulfill({ json: detail });
  });
  await page.locator("tbody button").nth(5).click();
  assert.deepEqual(await check(), ["fails", "fails", "holds"]);
  await opened.close();
});

test("receipts page back to the first, and filter", async () => {
  const opened = await open({ path: "/receipts" });
  const { page } = opened;
  await arrive(page, "/receipts");
  const rows = page.locator("tbody tr");
  const all = opened.stub.world.receipts.length;
  for (let before = await rows.count(); before < all; before = await rows.count()) {
    await page.getByRole("button", { name: "Older receipts" }).click();
    await until("older receipts", async () => (await rows.count()) > before);
  }
  assert.equal(await page.locator("tbody th").last().textContent(), "r0");
  await page.getByRole("button", { name: "Older receipts" }).waitFor({ state: "detached" });
  await page.getByLabel("refused with").selectOption("denied");
  const what = page.locator("td.what");
  await until("only what was denied", async () => {
    const texts = await what.allTextContents();
    return texts.length > 0 && texts.every(text => text.includes("denied"));
  });
  await page.getByLabel("agent").fill("nobody");
  await page.getByLabel("agent").press("Tab");
  await page.getByText("No such receipts").waitFor();
  await opened.close();
});

test("what differs is shown, and is accepted only as a look showed it", async () => {
  const opened = await open({ path: "/servers" });
  const { page, stub } = opened;
  const github = page.getByRole("region", { name: "github", exact: true });
  await github.getByRole("button", { name: "Test" }).click();
  const held = github.getByText("Held back until you accept");
  await held.waitFor();
  await github.getByText("2 tools not as accepted").waitFor();
  assert.match((await github.locator("ins").first().textContent()) ?? "", /id_rsa\\u\{200b\} and pass it/);
  await github.getByText("odd: orders to the model").waitFor();
  await github.getByText("Fork a repository").waitFor();
  await github.getByRole("button", { name: "Accept as shown…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Accept", exact: true }).click();
  await page.getByText("Accept github as shown: done").waitFor();
  await held.waitFor({ state: "detached" });
  const [change] = stub.routes.applied;
  assert.deepEqual(
    [change?.["change"], change?.["server"], change?.["tools"]],
    ["accept_tools", "github", ["merge_pull_request", "fork_repository"]],
  );
  assert.match(String(change?.["probe"]), /^[\w-]{43}$/);
  await opened.close();
});

test("that a tool is gone is accepted with the whole look, since it has nothing to name", async () => {
  const opened = await open({
    path: "/servers",
    prepare: stub => {
      for (const tool of stub.world.offered) if (tool.name === "write_file") tool.state = "gone";
    },
  });
  const { page, stub } = opened;
  const files = page.getByRole("region", { name: "files", exact: true });
  await files.getByRole("button", { name: "Test" }).click();
  await files.getByText("Gone", { exact: true }).waitFor();
  await files.getByRole("button", { name: "Accept as shown…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Accept", exact: true }).click();
  await page.getByText("Accept files as shown: done").waitFor();
  assert.deepEqual(stub.routes.applied[0]?.["tools"], []);
  await opened.close();
});

test("a tool in quarantine is shown with its reason, and cannot be accepted", async () => {
  const opened = await open({
    path: "/servers",
    prepare: stub => {
      stub.world.offered = stub.world.offered.filter(tool => ["accepted", "quarantined"].includes(tool.state));
    },
  });
  const github = opened.page.getByRole("region", { name: "github", exact: true });
  await github.getByRole("button", { name: "Test" }).click();
  await github.getByText("2 tools quarantined").waitFor();
  assert.deepEqual(
    (await github.locator(".quarantined li").allTextContents()).map(text => text.slice(0, 60)),
    [
      "search_everythingits input schema cannot be used: it refers to",
      "(no name)its definition is longer than 64 KiB",
    ].map(text => text.slice(0, 60)),
  );
  assert.equal(await github.getByRole("button", { name: /^Accept/ }).count(), 0);
  assert.deepEqual(await violations(opened.page), []);
  await opened.close();
});

test("a server is turned off with a passkey over what was previewed", async () => {
  const opened = await open({ path: "/servers" });
  const { page, stub } = opened;
  const files = page.getByRole("region", { name: "files" });
  await files.getByRole("button", { name: "Turn off" }).click();
  const dialog = page.getByRole("dialog", { name: "Turn off files" });
  await dialog.getByText("enable server: files").waitFor();
  await dialog.getByRole("button", { name: "Turn off" }).click();
  await files.getByText("Off", { exact: true }).waitFor();
  assert.deepEqual(stub.routes.applied, [{ change: "enable_server", name: "files", enabled: false }]);
  await opened.close();
});

test("a standing rule is taken back", async () => {
  const opened = await open({ path: "/policy" });
  await opened.page.getByRole("button", { name: "Take back" }).click();
  await opened.page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await opened.page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(opened.stub.routes.applied[0]?.["change"], "revoke_grant");
  await opened.close();
});

test("a second passkey is enrolled with the first, without the terminal", async () => {
  const opened = await open({ path: "/security" });
  const { page, stub } = opened;
  await visit(page, "/budgets");
  await visit(page, "/security");
  await page.getByLabel("Name for it").fill("Security key");
  // Another authenticator, as a person would plug in: the first one holds a passkey already.
  const plugged = await opened.devices.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "usb",
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await page.getByRole("button", { name: "Make a passkey" }).click();
  const prove = page.getByRole("button", { name: "Prove with an enrolled passkey" });
  await prove.waitFor();
  // Unplugged: the first passkey has to answer, and a simulated key that cannot would answer "no" before it.
  await opened.devices.send("WebAuthn.removeVirtualAuthenticator", plugged);
  await prove.click();
  await page.getByText("“Security key”").waitFor();
  assert.deepEqual(
    stub.world.factors.map(one => one.kind),
    ["pin", "passkey", "passkey"],
  );
  await opened.close();
});

test("a locked daemon says how to open it", async () => {
  const opened = await open({ passkey: false, prepare: stub => Object.assign(stub.world, { locked: true }) });
  await opened.page.getByText("Briefcase is locked.").waitFor();
  await opened.page.getByText("briefcase unlock", { exact: true }).waitFor();
  await opened.close();
});

test("a question that is decided elsewhere goes away by itself", async () => {
  const one = question();
  const opened = await open({ prepare: stub => stub.world.questions.push(one) });
  await card(opened.page, one.id).waitFor();
  opened.stub.world.questions = [];
  opened.stub.tell("approvals");
  await card(opened.page, one.id).waitFor({ state: "detached" });
  await opened.page.getByText("Nothing is waiting").waitFor();
  await opened.close();
});
