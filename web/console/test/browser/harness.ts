/**
 * A real browser at a daemon: the stub, or with `BRIEFCASE_CONSOLE_URL` (a one-time address) the daemon it names. Every
 * page is watched: a request to anywhere else, a violated content policy or an error on the page fails the test.
 */
import assert from "node:assert/strict";
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core";
import { Stub } from "../stub/server.ts";

export const LIVE = process.env["BRIEFCASE_CONSOLE_URL"];
const CHROMIUM = process.env["BRIEFCASE_CHROMIUM"] ?? "/usr/bin/chromium";

export interface Opened {
  page: Page;
  stub: Stub;
  /** What the watch found wrong. */
  faults: string[];
  /** Where virtual authenticators are plugged in. */
  devices: CDPSession;
  close(): Promise<void>;
}

export interface Wish {
  /** Where to open the console. */
  path?: string;
  dark?: boolean;
  width?: number;
  height?: number;
  scale?: number;
  /** With an enrolled passkey (default) or without. */
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
  return (await launch()).newContext({
    viewport: { width: wish.width ?? 1240, height: wish.height ?? 860 },
    deviceScaleFactor: wish.scale ?? 1,
    colorScheme: wish.dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-GB",
  });
}

/** Opens the console at a fresh stub. */
export async function open(wish: Wish = {}): Promise<Opened> {
  const stub = new Stub();
  await stub.start();
  wish.prepare?.(stub);
  const own = await context(wish);
  const page = await own.newPage();
  page.setDefaultTimeout(15_000);
  const faults = watch(page, stub.origin);
  const devices = await authenticator(page);
  await page.goto(stub.login(wish.passkey === false ? wish.path : "/security"));
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

/** Watches a page for what must never happen. */
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

/** An authenticator that verifies its user without asking anybody. */
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

/** Enrols a passkey as a person does: in the page, and with the PIN at the terminal. */
export async function enrol(page: Page, stub: Stub): Promise<void> {
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await page.getByText("Now type your PIN in the terminal").waitFor();
  stub.routes.acceptOffer();
  await page.getByText("Enrolled. Questions can be answered").waitFor();
}

/** Moves to a page inside the session, by the page's own links. */
export async function visit(page: Page, path: string): Promise<void> {
  const name = path.slice(1).split("?")[0] || "approvals";
  await page.locator(`nav a[href="/${name}"]`).click();
  await page.locator(`nav a[href="/${name}"][aria-current]`).waitFor();
}

export function card(page: Page, id: string) {
  return page.locator(`article[data-question="${id}"]`);
}

/** Unfolds and scrolls until a person has had everything before their eyes. */
export async function readAll(page: Page, id: string): Promise<void> {
  const own = card(page, id);
  await own.waitFor();
  while ((await own.locator("button.more").count()) > 0) await own.locator("button.more").click();
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
