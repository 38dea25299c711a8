/** The other pages: their functions, and their accessibility in light and dark. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { question } from "../stub/world.ts";
import { arrive, card, open, quit, until, visit } from "./harness.ts";

after(quit);
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Returns axe's violations. The debugger injects axe, because the page's policy would block it. */
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

test("empty pages and the expired session page are accessible and helpful", async () => {
  const opened = await open({
    passkey: false,
    prepare: stub =>
      Object.assign(stub.world, { servers: [], tools: [], budgets: [], receipts: [], agents: [], grants: [] }),
  });
  const { page } = opened;
  for (const [path, text] of [
    ["/approvals", "No pending approvals"],
    ["/servers", "briefcase server add"],
    ["/receipts", "briefcase receipts verify"],
    ["/budgets", "briefcase budget set"],
  ] as const) {
    await visit(page, path);
    await page.getByText(text).first().waitFor();
    assert.deepEqual(await violations(page), [], path);
  }
  opened.stub.endSessions();
  await page.reload();
  await page.getByText("briefcase console", { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);
  await opened.close();
});

test("a narrow window needs no horizontal scrolling", async () => {
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

test("a receipt is verified in the page, and a changed one fails", async () => {
  const opened = await open({ path: "/receipts" });
  const { page } = opened;
  const check = async (): Promise<string[]> => {
    await page.getByRole("button", { name: "Verify in this page" }).click();
    await page.locator(".steps li").first().waitFor();
    return page.locator(".steps li").evaluateAll(all => all.map(one => one.className));
  };
  await page.locator("tbody button").nth(3).click();
  assert.deepEqual(await check(), ["valid", "valid", "valid"]);
  await page.getByRole("button", { name: "Close the receipt" }).click();
  await page.locator(".detail").waitFor({ state: "detached" });
  await page.route("**/v1/receipts/r*", async route => {
    const answer = await route.fetch();
    const detail = (await answer.json()) as { receipt: Record<string, unknown> };
    detail.receipt["at"] = 1;
    await route.fulfill({ json: detail });
  });
  await page.locator("tbody button").nth(5).click();
  assert.deepEqual(await check(), ["invalid", "invalid", "valid"]);
  await opened.close();
});

test("receipts load back to the first, and filter", async () => {
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
  await page.getByLabel("denial reason").selectOption("denied");
  const what = page.locator("td.what");
  await until("only what was denied", async () => {
    const texts = await what.allTextContents();
    return texts.length > 0 && texts.every(text => text.includes("denied"));
  });
  await page.getByLabel("agent").fill("nobody");
  await page.getByLabel("agent").press("Tab");
  await page.getByText("No matching receipts").waitFor();
  await opened.close();
});

test("differences are shown, and accepted only as probed", async () => {
  const opened = await open({ path: "/servers" });
  const { page, stub } = opened;
  const github = page.getByRole("region", { name: "github", exact: true });
  await github.getByRole("button", { name: "Test" }).click();
  const held = github.getByText("Blocked until you accept");
  await held.waitFor();
  await github.getByText("2 tools changed since acceptance").waitFor();
  assert.match((await github.locator("ins").first().textContent()) ?? "", /id_rsa\\u\{200b\} and pass it/);
  await github.getByText("warnings: possible prompt injection").waitFor();
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

test("removed tools are accepted with the whole probe", async () => {
  const opened = await open({
    path: "/servers",
    prepare: stub => {
      for (const tool of stub.world.offered) if (tool.name === "write_file") tool.state = "gone";
    },
  });
  const { page, stub } = opened;
  const files = page.getByRole("region", { name: "files", exact: true });
  await files.getByRole("button", { name: "Test" }).click();
  await files.getByText("Removed", { exact: true }).waitFor();
  await files.getByRole("button", { name: "Accept as shown…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Accept", exact: true }).click();
  await page.getByText("Accept files as shown: done").waitFor();
  assert.deepEqual(stub.routes.applied[0]?.["tools"], []);
  await opened.close();
});

test("a quarantined tool is shown with its reason and cannot be accepted", async () => {
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

test("a server is disabled with a passkey over the preview", async () => {
  const opened = await open({ path: "/servers" });
  const { page, stub } = opened;
  const files = page.getByRole("region", { name: "files" });
  await files.getByRole("button", { name: "Disable" }).click();
  const dialog = page.getByRole("dialog", { name: "Disable files" });
  await dialog.getByText("enable server: files").waitFor();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await files.getByText("Disabled", { exact: true }).waitFor();
  assert.deepEqual(stub.routes.applied, [{ change: "enable_server", name: "files", enabled: false }]);
  await opened.close();
});

test("a saved approval is revoked", async () => {
  const opened = await open({ path: "/policy" });
  await opened.page.getByRole("button", { name: "Revoke" }).click();
  await opened.page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await opened.page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(opened.stub.routes.applied[0]?.["change"], "revoke_grant");
  await opened.close();
});

test("a second passkey is added with the first, without the terminal", async () => {
  const opened = await open({ path: "/security" });
  const { page, stub } = opened;
  await visit(page, "/budgets");
  await visit(page, "/security");
  await page.getByLabel("Passkey name").fill("Security key");
  // Another authenticator, as a person would plug in: the first one already has a passkey.
  const plugged = await opened.devices.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "usb",
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await page.getByRole("button", { name: "Create a passkey" }).click();
  const prove = page.getByRole("button", { name: "Confirm with an existing passkey" });
  await prove.waitFor();
  // Unplugged: otherwise this authenticator would reject before the first passkey responds.
  await opened.devices.send("WebAuthn.removeVirtualAuthenticator", plugged);
  await prove.click();
  await page.getByText("“Security key”").waitFor();
  assert.deepEqual(
    stub.world.factors.map(one => one.kind),
    ["pin", "passkey", "passkey"],
  );
  await opened.close();
});

test("a locked daemon shows how to unlock it", async () => {
  const opened = await open({ passkey: false, prepare: stub => Object.assign(stub.world, { locked: true }) });
  await opened.page.getByText("Briefcase is locked.").waitFor();
  await opened.page.getByText("briefcase unlock", { exact: true }).waitFor();
  await opened.close();
});

test("a request decided elsewhere disappears", async () => {
  const one = question();
  const opened = await open({ prepare: stub => stub.world.questions.push(one) });
  await card(opened.page, one.id).waitFor();
  opened.stub.world.questions = [];
  opened.stub.tell("approvals");
  await card(opened.page, one.id).waitFor({ state: "detached" });
  await opened.page.getByText("No pending approvals").waitFor();
  await opened.close();
});
