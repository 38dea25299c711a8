/** Pictures for looking at, and the two for the README: `npm run screenshots`. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { open, quit, type Wish } from "./browser/harness.ts";
import type { Stub } from "./stub/server.ts";
import { question } from "./stub/world.ts";

const SHOTS = fileURLToPath(new URL("test/shots/", CONSOLE_FOLDER));
await mkdir(SHOTS, { recursive: true });

function someQuestions(stub: Stub): void {
  stub.world.questions.push(
    question({
      server: "mail",
      name: "send_message",
      risk: "high",
      labels: ["untrusted_content", "private_data"],
      policies: ["rule-of-two"],
      cost: "0.01 USD",
      once_only: true,
      asked: Date.now() - 42_000,
      expires: Date.now() + 258_000,
      args: {
        to: ["finance@acme.example", "d.meyer@аcme.example"],
        subject: "Q3 invoices",
        body: "Hi,\nattached are the invoices you asked for.\n\nBest,\nAlex",
        attachments: ["/home/alex/invoices/2026-q3.pdf"],
        track: false,
      },
    }),
    question({
      asked: Date.now() - 9_000,
      args: { repo: "acme/shop", title: "Checkout fails for EU cards", labels: ["bug"], assignee: null },
    }),
  );
}

async function shoot(
  name: string,
  wish: Wish,
  act?: (page: import("playwright-core").Page) => Promise<void>,
  full = false,
): Promise<void> {
  const opened = await open(wish);
  await opened.page.waitForTimeout(900);
  await act?.(opened.page);
  await opened.page.screenshot({ path: `${SHOTS}${name}.png`, fullPage: full });
  await opened.close();
}

const approvals = (page: import("playwright-core").Page) =>
  page
    .locator("article")
    .first()
    .locator(".allow:enabled")
    .first()
    .waitFor({ timeout: 4_000 })
    .catch(() => {});
const aReceipt = async (page: import("playwright-core").Page) => {
  await page.locator("td.what", { hasText: "create_issue" }).first().locator("xpath=..").getByRole("button").click();
  await page.getByRole("button", { name: "Verify in this page" }).click();
  await page.locator(".steps li").nth(2).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
};

for (const dark of [false, true]) {
  const mode = dark ? "dark" : "light";
  await shoot(`approvals-${mode}`, { prepare: someQuestions, dark, height: 1030 }, approvals);
  await shoot(`receipts-${mode}`, { path: "/receipts", dark, height: 900 });
  await shoot(`receipt-${mode}`, { path: "/receipts", dark, height: 1250 }, aReceipt);
  for (const path of ["servers", "budgets", "policy", "security"])
    await shoot(`${path}-${mode}`, { path: `/${path}`, dark }, undefined, true);
}
await shoot("empty", {});
await shoot("narrow", { prepare: someQuestions, width: 390, height: 844 }, approvals, true);
await shoot("no-passkey", { prepare: someQuestions, passkey: false }, approvals);
await shoot("rule", { prepare: someQuestions }, async page => {
  await page.locator("article").nth(1).locator(".actions").scrollIntoViewIfNeeded();
  await page.getByRole("button", { name: "Narrow rule…" }).click({ timeout: 5000 });
  await page.waitForTimeout(1200);
});
await shoot("waiting", { path: "/security", passkey: false }, async page => {
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await page.getByText("Now type your PIN").waitFor();
});
await quit();
