// A person at the real daemon's console: adds a passkey, allows a request with it, and opens every page. The end-to-end
// test `console` starts it and acts as the terminal; the two synchronize by lines. `node passkey.mjs ONE-TIME-ADDRESS`
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const address = process.argv[2];
const executablePath = process.env.BRIEFCASE_CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage();
page.setDefaultTimeout(100_000);
const faults = [];
page.on("request", request => {
  if (new URL(request.url()).origin !== new URL(address).origin) faults.push(`request to ${request.url()}`);
});
page.on("pageerror", error => faults.push(error.message));
page.on("console", message => {
  if (/Content.Security.Policy|Trusted/i.test(message.text())) faults.push(message.text());
});
const devices = await page.context().newCDPSession(page);
await devices.send("WebAuthn.enable");
await devices.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  },
});

/** The last request of each page. */
const PAGES = {
  servers: "/v1/tools",
  receipts: "/v1/receipts",
  budgets: "/v1/budgets",
  policy: "/v1/policy/check",
  security: "/v1/doctor",
  approvals: "/v1/factors",
};

/** Opens every page and checks that it loads without errors. The token is in this tab's storage only. */
async function lookAround() {
  for (const [name, path] of Object.entries(PAGES)) {
    const answered = page.waitForResponse(answer => new URL(answer.url()).pathname === path);
    await page.locator(`nav a[href="/${name}"]`).click();
    assert.equal((await answered).status(), 200, path);
    await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))));
    assert.equal(await page.locator(".problem").count(), 0, name);
  }
  const kept = () => [location.href, Object.keys(localStorage), Object.keys(sessionStorage), document.cookie];
  assert.deepEqual(await page.evaluate(kept), [`${new URL(address).origin}/approvals`, [], ["briefcase-session"], ""]);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const sendLine = word => process.stdout.write(`${word}\n`);
const readLine = async () => (await lines.next()).value;

try {
  await page.goto(address);
  await page.locator('nav a[href="/security"]').click();
  await page.getByRole("button", { name: "Create a passkey" }).click();
  await page.getByText("Now enter your PIN in the terminal").waitFor();
  sendLine("offered");
  await page.getByText("Passkey added.").waitFor();
  sendLine("enrolled");
  await page.locator('nav a[href="/approvals"]').click();
  const card = page.locator("article[data-question]").first();
  await card.waitFor();
  await card.locator(".actions").scrollIntoViewIfNeeded();
  const allow = card.getByRole("button", { name: "Allow once" });
  await allow.click();
  await card.waitFor({ state: "detached" });
  sendLine("allowed");
  await lookAround();
  await readLine();
  if (faults.length > 0) throw new Error(faults.join("; "));
  sendLine("clean");
} catch (error) {
  sendLine(`failed: ${String(error).replaceAll("\n", " ")}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
