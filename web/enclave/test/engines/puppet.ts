// Chromium over its own protocol and Firefox over WebDriver BiDi, both as Debian ships them. Chromium runs without
// default arguments: some of them disable storage partitioning, which the tests check.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser, type Frame, type Page } from "puppeteer-core";
import { GESTURE } from "../../../protocol/src/index.ts";
import { type Engine, type Tab, TIMEOUT, until } from "./engine.ts";

const CHROMIUM = [
  "--headless=new",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--remote-debugging-port=0",
  "--disable-component-update",
  "--window-size=1200,1000",
];

/** Chromium cannot set up its sandbox as root. */
const asRoot = () => (process.getuid?.() === 0 ? ["--no-sandbox"] : []);

export class PuppetTab implements Tab {
  constructor(
    readonly browser: () => Browser,
    readonly page: Page,
  ) {}

  async goto(url: string): Promise<void> {
    await this.page.goto(url, { waitUntil: "load", timeout: TIMEOUT });
    await this.page.bringToFront();
  }

  front(): Promise<void> {
    return this.page.bringToFront();
  }

  run<R>(code: string, argument?: unknown): Promise<R> {
    return evaluated<R>(this.page.mainFrame(), code, argument);
  }

  async inFrame<R>(code: string, argument?: unknown): Promise<R> {
    return evaluated<R>(await this.frame(), code, argument);
  }

  async frame(): Promise<Frame> {
    let found: Frame | undefined;
    await until("the frame is there", async () => {
      found = this.page.frames().find(frame => frame.url().includes("/kms.html"));
      return found !== undefined;
    });
    return found!;
  }

  async window(): Promise<Page> {
    let found: Page | undefined;
    await until("the window is open", async () => {
      for (const page of await this.browser().pages())
        if (page !== this.page && page.url().includes("/kms.html")) found = page;
      return found !== undefined;
    });
    return found!;
  }

  async #place(where: "page" | "frame" | "window"): Promise<Page | Frame> {
    return where === "page" ? this.page : where === "frame" ? this.frame() : this.window();
  }

  async click(selector: string, where: "page" | "frame" | "window"): Promise<void> {
    const place = await this.#place(where);
    const element = await place.waitForSelector(selector, { timeout: TIMEOUT });
    if (where === "frame") {
      // Moves like a user: the enclave requires that the pointer rests before a click.
      await element!.hover();
      await new Promise(resolve => setTimeout(resolve, GESTURE.dwell + 50));
    }
    await element!.click();
  }

  async type(selector: string, text: string, where: "frame" | "window"): Promise<void> {
    const element = await (await this.#place(where)).waitForSelector(selector, { timeout: TIMEOUT });
    await element!.type(text);
  }

  async text(selector: string, where: "page" | "frame" | "window"): Promise<string> {
    const element = await (await this.#place(where)).waitForSelector(selector, { timeout: TIMEOUT });
    return element!.evaluate(found => found.textContent ?? "");
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

function evaluated<R>(frame: Frame, code: string, argument: unknown): Promise<R> {
  // Sends the function as text: bundlers rename what a closure refers to.
  return frame.evaluate(`(${code})(${JSON.stringify(argument) ?? "undefined"})`) as Promise<R>;
}

export class PuppetEngine implements Engine {
  readonly restarts = true;
  #browser: Browser | undefined;

  private constructor(
    readonly name: "chromium" | "firefox",
    readonly profile: string,
    readonly preferences: Readonly<Record<string, unknown>>,
  ) {}

  /** `preferences` are for Firefox. */
  static async start(
    name: "chromium" | "firefox",
    preferences: Readonly<Record<string, unknown>> = {},
  ): Promise<PuppetEngine> {
    const engine = new PuppetEngine(name, await mkdtemp(join(tmpdir(), `enclave-${name}-`)), preferences);
    await engine.#launch();
    return engine;
  }

  get browser(): Browser {
    if (this.#browser === undefined) throw new Error("the browser is closed");
    return this.#browser;
  }

  async open(): Promise<PuppetTab> {
    return new PuppetTab(() => this.browser, await this.browser.newPage());
  }

  async restart(): Promise<void> {
    await this.browser.close();
    await this.#launch();
  }

  async close(): Promise<void> {
    await this.browser.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #launch(): Promise<void> {
    this.#browser = await (this.name === "chromium" ? this.#chromium() : this.#firefox());
  }

  #chromium(): Promise<Browser> {
    return puppeteer.launch({
      executablePath: "/usr/bin/chromium",
      ignoreDefaultArgs: true,
      args: [...CHROMIUM, ...asRoot(), `--user-data-dir=${this.profile}`, "about:blank"],
      defaultViewport: null,
      timeout: TIMEOUT,
    });
  }

  #firefox(): Promise<Browser> {
    return puppeteer.launch({
      browser: "firefox",
      executablePath: "/usr/bin/firefox-esr",
      headless: true,
      userDataDir: this.profile,
      timeout: TIMEOUT,
      extraPrefsFirefox: {
        "dom.disable_open_during_load": true,
        "browser.shell.checkDefaultBrowser": false,
        ...this.preferences,
      },
    });
  }
}
