/** Screenshots for review, and two for the README: `npm run screenshots`. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { arrive, open, quit, rested, type Wish } from "./browser/harness.ts";
import type { Stub } from "./stub/server.ts";
import { question } from "./stub/world.ts";

const SHOTS = fileURLToPath(new URL("test/shots/", CONSOLE_FOLDER));
await mkdir(SHOTS, { recursive: true });

function addRequests(stub: Stub): void {
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

type Act = (page: Page) => Promise<void>;

async function shoot(name: string, wish: Wish, act: Act, full = false): Promise<void> {
  const opened = await open(wish);
  await act(opened.page);
  await rested(opened.page);
  await opened.page.screenshot({ path: `${SHOTS}${name}.png`, fullPage: full });
  await opened.close();
}

const PAGES: Record<string, Act> = {
  approvals: page => arrive(page, "/approvals"),
  servers: async page => {
    await arrive(page, "/servers");
    await page.getByRole("region", { name: "github", exact: true }).getByRole("button", { name: "Test" }).click();
    await page.getByText("Blocked until you accept").waitFor();
  },
  receipts: page => arrive(page, "/receipts"),
  receipt: async page => {
    await arrive(page, "/receipts");
    await page.locator("td.what", { hasText: "create_issue" }).first().locator("xpath=..").getByRole("button").click();
    await page.getByRole("button", { name: "Verify in this page" }).click();
    await page.locator(".steps li").nth(2).waitFor();
    await page.evaluate(() => scrollTo(0, 0));
  },
  budgets: page => arrive(page, "/budgets"),
  policy: page => arrive(page, "/policy"),
  security: page => arrive(page, "/security"),
};
const HEIGHTS: Record<string, number> = { approvals: 1030, receipts: 900, receipt: 1250 };

for (const dark of [false, true]) {
  const mode = dark ? "dark" : "light";
  for (const [name, act] of Object.entries(PAGES)) {
    const height = HEIGHTS[name];
    const wide = height === undefined ? {} : { height };
    await shoot(`${name}-${mode}`, { prepare: addRequests, dark, ...wide }, act, height === undefined);
    await shoot(`narrow-${name}-${mode}`, { prepare: addRequests, dark, width: 390, height: 844 }, act, true);
  }
}
await shoot("empty", {}, page => page.getByText("No pending approvals").waitFor());
for (const width of [360, 1280]) {
  const size = width === 360 ? { width, height: 740 } : { width };
  await shoot(`approvals-${width}`, { prepare: addRequests, ...size }, page => arrive(page, "/approvals"));
  await shoot(`no-passkey-${width}`, { prepare: addRequests, passkey: false, ...size }, page =>
    page.getByText("No passkey is set up").first().waitFor(),
  );
}
await shoot("rule", { prepare: addRequests }, async page => {
  await page.locator("article").nth(1).locator(".actions").scrollIntoViewIfNeeded();
  await page.locator("article").nth(1).getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("button", { name: "Create rule…" }).click();
  await page.getByRole("dialog").waitFor();
});
await shoot("disable", { path: "/servers" }, async page => {
  await page.getByRole("button", { name: "Disable" }).first().click();
  await page.getByRole("dialog").getByRole("listitem").first().waitFor();
});
await shoot("waiting", { path: "/security", passkey: false }, async page => {
  await page.getByRole("button", { name: "Create a passkey" }).click();
  await page.getByText("Now enter your PIN").waitFor();
});
await shoot("no-session", { path: "/receipts" }, async page => {
  await page.evaluate(() => sessionStorage.clear());
  await page.goto(new URL("/approvals/AAAAAAAAAAAAAAAAAAAAAA", page.url()).href);
  await page.getByRole("heading", { name: "No session" }).waitFor();
});
await quit();
