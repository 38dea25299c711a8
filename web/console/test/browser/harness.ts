/**
 * A real browser with the stub daemon. Every page is watched: a request to another origin, a violated content policy or
 * a page error fails the test.
 *
 * Tests wait for conditions, never for a fixed time, so a slow machine does not fail them. To prove that something does
 * *not* happen, they wait until its cause has run (`rested`, or a later response).
 */
import assert from "node:assert/strict";
import { type Browser, type BrowserContext, type CDPSession, chromium, type Locator, type Page } from "playwright-core";
import { CLICK_DELAY_HIGH } from "../../src/approvals/click_delay.ts";
import { Stub } from "../stub/server.ts";

const CHROMIUM = process.env["BRIEFCASE_CHROMIUM"] ?? "/usr/bin/chromium";
/** The limit of one step in milliseconds; on an idle machine a step takes a thousandth of it. */
const TIMEOUT = 120_000;
/** Slows the pages down by this factor, to find timing errors. */
const SLOWDOWN = Number(process.env["BRIEFCASE_SLOWDOWN"] ?? 1);

/** Elements that appear once a page has loaded all its data from the stub. */
const ARRIVED: Record<string, string[]> = {
  "/approvals": ["article[data-question] .deny:enabled"],
  "/servers": ["section.server table", "section.server .tail button:last-child:enabled"],
  "/receipts": ["table.receipts tbody tr"],
  "/budgets": ["li.budget"],
  "/policy": [".source pre", '[aria-label="Check"]', '[aria-label="Saved approvals"] button:enabled'],
  "/security": ['[aria-label="Add a passkey"] button', '[aria-label="Agents"] li', ".checks li"],
};

export interface Opened {
  page: Page;
  stub: Stub;
  /** The violations that the watch found. */
  faults: string[];
  /** The session for virtual authenticators. */
  devices: CDPSession;
  close(): Promise<void>;
}

export interface Wish {
  /** The path to open. */
  path?: string;
  dark?: boolean;
  width?: number;
  height?: number;
  scale?: number;
  /** With an enrolled passkey (the default) or without. */
  passkey?: boolean;
  /** Called before the page opens. */
  prepare?: (stub: Stub) => void;
}

let browser: Browser | undefined;

export async function launch(): Promise<Browser> {
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--force-color-profile=srgb"] });
  return browser;
}

export async function quit(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

export async function context(wish: Wish = {}): Promise<BrowserContext> {
  const own = await (await launch()).newContext({
    viewport: { width: wish.width ?? 1240, height: wish.height ?? 860 },
    deviceScaleFactor: wish.scale ?? 1,
    colorScheme: wish.dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-GB",
  });
  own.setDefaultTimeout(TIMEOUT);
  return own;
}

/** Opens an address in a new page, slowed down if configured. */
export async function goto(page: Page, address: string): Promise<void> {
  await page.goto(address);
  if (SLOWDOWN > 1) {
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  }
}

/** Opens the console with a new stub. */
export async function open(wish: Wish = {}): Promise<Opened> {
  const stub = new Stub();
  await stub.start();
  wish.prepare?.(stub);
  const own = await context(wish);
  const page = await own.newPage();
  const faults = watch(page, stub.origin);
  const devices = await authenticator(page);
  await goto(page, stub.login(wish.passkey === false ? wish.path : "/security"));
  if (wish.passkey !== false) {
    await enrol(page, stub);
    await visit(page, wish.path ?? "/");
  }
  return {
    page,
    stub,
    faults,
    devices,
    close: async () => {
      await own.close();
      await stub.stop();
      assert.deepEqual(faults, []);
    },
  };
}

/** Watches a page for violations. */
export function watch(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on("request", request => {
    if (new URL(request.url()).origin !== origin) faults.push(`request to ${request.url()}`);
  });
  page.on("pageerror", error => faults.push(`error: ${error.message}`));
  page.on("console", message => {
    if (/Content.Security.Policy|Trusted/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}

/** Adds an authenticator that verifies its user automatically. */
export async function authenticator(page: Page): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return session;
}

/** Adds a passkey as a person does: in the page, and with the PIN at the terminal. */
export async function enrol(page: Page, stub: Stub): Promise<void> {
  await page.getByRole("button", { name: "Create a passkey" }).click();
  await page.getByText("Now enter your PIN in the terminal").waitFor();
  stub.routes.acceptOffer();
  await page.getByText("Passkey added.").waitFor();
}

/** Navigates inside the session through the page's own links. */
export async function visit(page: Page, path: string): Promise<void> {
  const name = path.slice(1).split("?")[0] || "approvals";
  await page.locator(`nav a[href="/${name}"]`).click();
  await page.locator(`nav a[href="/${name}"][aria-current]`).waitFor();
}

/** Navigates to a page and waits for all its data. */
export async function arrive(page: Page, path: string): Promise<void> {
  await visit(page, path);
  for (const selector of ARRIVED[path] ?? []) await page.locator(selector).first().waitFor();
}

export function card(page: Page, id: string) {
  return page.locator(`article[data-question="${id}"]`);
}

/** Expands all lines of a request's arguments. */
export async function unfold(own: Locator): Promise<void> {
  await own.waitFor();
  await own.evaluate(async element => {
    const more = () => element.querySelector<HTMLElement>("button.more");
    for (let button = more(); button; button = more()) {
      const before = button.textContent;
      button.click();
      while (more()?.textContent === before) await new Promise(requestAnimationFrame);
    }
  });
}

/** Expands and scrolls until everything was in view. */
export async function readAll(page: Page, id: string): Promise<void> {
  const own = card(page, id);
  await unfold(own);
  const box = await own.locator("[data-arguments]").evaluate(element => {
    const { top, bottom } = element.getBoundingClientRect();
    return { top: top + scrollY, bottom: bottom + scrollY, step: innerHeight * 0.8 };
  });
  for (let at = box.top - 40; at < box.bottom; at += box.step) {
    await page.evaluate(
      to =>
        new Promise(done => {
          scrollTo(0, to);
          requestAnimationFrame(() => requestAnimationFrame(done));
        }),
      at,
    );
  }
  await own.locator(".actions").scrollIntoViewIfNeeded();
}

/** Waits until every pending click delay has ended and is rendered: the page's timers run in order. */
export async function rested(page: Page): Promise<void> {
  await page.evaluate(
    rest =>
      new Promise(done =>
        setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))), rest),
      ),
    CLICK_DELAY_HIGH + 100,
  );
}

/** Polls until the condition is true. */
export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + TIMEOUT;
  while (!(await check())) {
    assert.ok(Date.now() < end, `timed out: ${what}`);
    await new Promise(done => setTimeout(done, 20));
  }
}

/** Watches for a text that appears only briefly. Starts at once; the returned function waits for the text. */
export async function glimpse(own: Locator, text: string): Promise<() => Promise<void>> {
  const watched = await own.evaluateHandle((element, wanted) => {
    const seen = new Promise<void>(done => {
      const look = () => element.textContent?.includes(wanted) && done();
      new MutationObserver(look).observe(element, { childList: true, characterData: true, subtree: true });
      look();
    });
    return { seen };
  }, text);
  return () => watched.evaluate(({ seen }) => seen);
}
