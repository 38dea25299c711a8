// Browsers with a test push service. Unlike those of the other cases, they are configured for that service and may show
// notifications.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser } from "puppeteer-core";
import type { Engine } from "../engines/engine.ts";
import { PuppetTab } from "../engines/puppet.ts";
import { Autopush } from "./autopush.ts";
import { Firebase } from "./firebase.ts";
import type { Credentials } from "./rust.ts";

export type PushEngineName = "chromium" | "firefox";

/** The push service as the tests use it. */
export interface PushService {
  readonly origin: string;
  /** Maps the browser's endpoint to this service. */
  here(endpoint: string): string;
  /** Ends a subscription without notifying the browser. */
  forget(endpoint: string): void;
  stop(): void;
}

const CHROMIUM = [
  "--headless=new",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--remote-debugging-port=0",
  "--disable-component-update",
];

const asRoot = () => (process.getuid?.() === 0 ? ["--no-sandbox"] : []);

export class PushEngine implements Engine {
  readonly restarts = false;

  private constructor(
    readonly name: PushEngineName,
    readonly service: PushService,
    readonly profile: string,
    readonly browser: Browser,
  ) {}

  static async start(name: PushEngineName, credentials: Credentials, host: string): Promise<PushEngine> {
    const profile = await mkdtemp(join(tmpdir(), `enclave-push-${name}-`));
    if (name === "chromium") {
      const service = await Firebase.start(credentials);
      const browser = await chromium(profile, service.switches);
      await browser.defaultBrowserContext().overridePermissions(host, ["notifications"]);
      return new PushEngine(name, service, profile, browser);
    }
    const service = await Autopush.start(credentials);
    const browser = await firefox(profile, service.settings);
    return new PushEngine(name, service, profile, browser);
  }

  async open(): Promise<PuppetTab> {
    return new PuppetTab(() => this.browser, await this.browser.newPage());
  }

  restart(): Promise<void> {
    throw new Error("a push service knows one browser");
  }

  async close(): Promise<void> {
    this.service.stop();
    await this.browser.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function chromium(profile: string, switches: readonly string[]): Promise<Browser> {
  return puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    ignoreDefaultArgs: true,
    args: [...CHROMIUM, ...asRoot(), ...switches, `--user-data-dir=${profile}`, "about:blank"],
    defaultViewport: null,
    timeout: 90_000,
  });
}

function firefox(profile: string, settings: Record<string, unknown>): Promise<Browser> {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: "/usr/bin/firefox-esr",
    headless: true,
    userDataDir: profile,
    timeout: 90_000,
    extraPrefsFirefox: { "browser.shell.checkDefaultBrowser": false, ...settings },
  });
}
