// WebKitGTK through its own driver, with the part of W3C WebDriver that the tests need. It has no persistent profile
// and cannot resolve names under `localhost`: host and enclave are two ports of 127.0.0.1.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { type Engine, type Tab, TIMEOUT, until } from "./engine.ts";

const BROWSERS = [
  "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
  "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.0/MiniBrowser",
  "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
];
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

class Driver {
  session = "";

  constructor(readonly port: number) {}

  async ask<R>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<R> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}),
    });
    const { value } = (await response.json()) as { value: R & { error?: string; message?: string } };
    if (!response.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }

  in<R>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<R> {
    return this.ask(method, `/session/${this.session}${path}`, body);
  }
}

const WRAPPED = (code: string) =>
  `const done = arguments[arguments.length - 1];
   Promise.resolve().then(() => (${code})(arguments[0])).then(ok => done({ ok }), error => done({ failed: String(error) }));`;

class WebKitTab implements Tab {
  constructor(
    readonly driver: Driver,
    readonly handle: string,
  ) {}

  async #into(where: "page" | "frame" | "window"): Promise<void> {
    const handle = where === "window" ? await this.#newest() : this.handle;
    await this.driver.in("POST", "/window", { handle });
    if (where !== "window") await this.driver.in("POST", "/frame", { id: null });
    if (where === "frame") await this.driver.in("POST", "/frame", { id: await this.#find("iframe") });
  }

  async #newest(): Promise<string> {
    let found: string | undefined;
    await until("the window is open", async () => {
      const handles = await this.driver.in<string[]>("GET", "/window/handles");
      found = handles.find(handle => handle !== this.handle && !known.has(handle));
      return found !== undefined;
    });
    return found!;
  }

  async #find(selector: string): Promise<Record<string, string>> {
    let found: Record<string, string> | undefined;
    await until(`${selector} is there`, async () => {
      const wanted = { using: "css selector", value: selector };
      found = await this.driver.in<Record<string, string>>("POST", "/element", wanted).catch(() => undefined);
      return found !== undefined;
    });
    return found!;
  }

  async #script<R>(code: string, argument: unknown): Promise<R> {
    const answer = await this.driver.in<{ ok: R } | { failed: string }>("POST", "/execute/async", {
      script: WRAPPED(code),
      args: [argument ?? null],
    });
    if ("failed" in answer) throw new Error(answer.failed);
    return answer.ok;
  }

  async goto(url: string): Promise<void> {
    await this.#into("page");
    await this.driver.in("POST", "/url", { url });
  }

  front(): Promise<void> {
    return this.#into("page");
  }

  async run<R>(code: string, argument?: unknown): Promise<R> {
    await this.#into("page");
    return this.#script(code, argument);
  }

  async inFrame<R>(code: string, argument?: unknown): Promise<R> {
    await this.#into("frame");
    return this.#script(code, argument);
  }

  async click(selector: string, where: "page" | "frame" | "window"): Promise<void> {
    await this.#into(where);
    const element = await this.#find(selector);
    await this.driver.in("POST", `/element/${element[ELEMENT]}/click`);
  }

  async type(selector: string, text: string, where: "frame" | "window"): Promise<void> {
    await this.#into(where);
    const element = await this.#find(selector);
    await this.driver.in("POST", `/element/${element[ELEMENT]}/value`, { text });
  }

  async text(selector: string, where: "page" | "frame" | "window"): Promise<string> {
    await this.#into(where);
    const element = await this.#find(selector);
    return this.driver.in("GET", `/element/${element[ELEMENT]}/text`);
  }

  async close(): Promise<void> {
    await this.#into("page");
    await this.driver.in("DELETE", "/window");
    known.delete(this.handle);
  }
}

/** Window handles that are the tests' tabs, not popups. */
const known = new Set<string>();

export class WebKitEngine implements Engine {
  readonly name = "webkit";
  readonly restarts = false;
  /** Stays open: the session ends with its last window. */
  #first = "";

  private constructor(
    readonly driver: Driver,
    readonly processes: readonly ChildProcess[],
  ) {}

  static async start(): Promise<WebKitEngine> {
    const display = `:${100 + (process.pid % 800)}`;
    const screen = spawn("Xvfb", [display, "-screen", "0", "1280x1100x24", "-nolisten", "tcp"], { stdio: "ignore" });
    const socket = `/tmp/.X11-unix/X${display.slice(1)}`;
    await until("the screen is there", async () => existsSync(socket));
    const port = await freePort();
    const env = { ...process.env, DISPLAY: display, WEBKIT_DISABLE_COMPOSITING_MODE: "1", NO_AT_BRIDGE: "1" };
    const server = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], { env, stdio: "ignore" });
    const driver = new Driver(port);
    await until("the driver answers", () =>
      driver.ask("GET", "/status").then(
        () => true,
        () => false,
      ),
    );
    const engine = new WebKitEngine(driver, [server, screen]);
    await engine.#begin();
    return engine;
  }

  async #begin(): Promise<void> {
    const binary = BROWSERS.find(path => existsSync(path));
    if (binary === undefined) throw new Error("no MiniBrowser: apt-get install webkit2gtk-driver");
    const options = { binary, args: ["--automation"] };
    const capabilities = { alwaysMatch: { "webkitgtk:browserOptions": options } };
    const { sessionId } = await this.driver.ask<{ sessionId: string }>("POST", "/session", { capabilities });
    this.driver.session = sessionId;
    await this.driver.in("POST", "/timeouts", { script: 4 * TIMEOUT, pageLoad: TIMEOUT });
    this.#first = await this.driver.in<string>("GET", "/window");
    known.clear();
    known.add(this.#first);
  }

  async open(): Promise<Tab> {
    // The previous tab's window may be closed.
    await this.driver.in("POST", "/window", { handle: this.#first });
    const { handle } = await this.driver.in<{ handle: string }>("POST", "/window/new", { type: "tab" });
    known.add(handle);
    return new WebKitTab(this.driver, handle);
  }

  async restart(): Promise<void> {
    await this.driver.ask("DELETE", `/session/${this.driver.session}`);
    await this.#begin();
  }

  async close(): Promise<void> {
    await this.driver.ask("DELETE", `/session/${this.driver.session}`).catch(() => undefined);
    for (const process of this.processes) process.kill("SIGKILL");
  }
}
