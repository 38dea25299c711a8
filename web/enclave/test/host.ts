// A test's access to a host page with an enclave.

import assert from "node:assert/strict";
import type { Engine, Tab } from "./engines/engine.ts";
import { until } from "./engines/engine.ts";
import type { Origins } from "./world.ts";

/** The page returns data of any shape; the tests check what they need. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
export type Loose = any;
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Answer = { readonly ok: Loose } | { readonly error: { code: string; message: string; next: string } };

/** Encodes bytes for the page. */
export const bytes = (of: Uint8Array | string) => ({ $: Buffer.from(of).toString("base64") });
/** Decodes bytes from the page. */
export const read = (of: { $: string }) => Buffer.from(of.$, "base64");

export interface Opening {
  readonly storage?: "disk" | "memory";
  readonly store?: string;
  readonly csp?: string;
}

export class Host {
  constructor(
    readonly engine: Engine,
    readonly tab: Tab,
    readonly origins: Origins,
  ) {}

  static async open(engine: Engine, origins: Origins, opening: Opening = {}): Promise<Host> {
    const host = new Host(engine, await engine.open(), origins);
    const answer = await host.load(opening);
    assert.equal(answer.ready, true, "the frame is ready");
    return host;
  }

  /** Reloads the host page and its enclave. */
  async load({ csp, storage = "disk", store }: Opening = {}): Promise<{ ready: boolean; schema?: number }> {
    await this.tab.goto(`${this.origins.app}/`);
    return this.boot({
      url: `${this.origins.kms}/kms.html`,
      open: { briefcase: "open", storage, ...(store === undefined ? {} : { store }) },
      ...(csp === undefined ? {} : { csp }),
    });
  }

  boot(options: object): Promise<{ ready: boolean; schema?: number }> {
    return this.tab.run("options => host.boot(options)", options);
  }

  ask(method: string, params: object = {}): Promise<Answer> {
    return this.tab.run("([method, params]) => host.call(method, params)", [method, params]);
  }

  /** Calls a method and expects success. */
  async call(method: string, params: object = {}): Promise<Loose> {
    const answer = await this.ask(method, params);
    assert.ok("ok" in answer, `${method}: ${JSON.stringify(answer)}`);
    return answer.ok;
  }

  /** Calls a method and expects this refusal. */
  async refused(code: string, method: string, params: object = {}): Promise<void> {
    const answer = await this.ask(method, params);
    assert.ok("error" in answer, `${method} was not refused: ${JSON.stringify(answer)}`);
    assert.equal(answer.error.code, code, `${method}: ${answer.error.message}`);
    assert.ok(answer.error.next.length > 0);
  }

  /** Starts a call that needs confirmation. */
  async begin(method: string, params: object = {}): Promise<void> {
    await this.tab.run("([method, params]) => host.begin(method, params)", [method, params]);
  }

  settled(): Promise<boolean> {
    return this.tab.run("() => host.settled");
  }

  answer(): Promise<Answer> {
    return this.tab.run("() => host.begun");
  }

  events(): Promise<readonly string[]> {
    return this.tab.run("() => host.events");
  }

  /** Returns where this engine shows confirmations, and opens the popup if it uses one. */
  async question(): Promise<"frame" | "window"> {
    const { gesture } = await this.call("status");
    if (gesture === "window") {
      await until("the host is told to open a window", async () => (await this.events()).at(-1) === "window");
      await this.tab.click("#window", "page");
    }
    return gesture;
  }

  /** Acts as a user: reads, waits until the button works, clicks. */
  async decide(button: "yes" | "no", typed?: (shown: string) => string): Promise<string> {
    await this.tab.front();
    const where = await this.question();
    const shown = await this.tab.text("main", where);
    if (typed !== undefined) await this.tab.type("input", typed(shown), where);
    if (button === "yes") await this.tab.text("button.yes[aria-disabled=false]", where);
    await this.tab.click(`button.${button}`, where);
    return shown;
  }

  /** Calls a method and confirms it. */
  async agreed(method: string, params: object = {}, typed?: (shown: string) => string): Promise<Loose> {
    await this.begin(method, params);
    await this.decide("yes", typed);
    const answer = await this.answer();
    assert.ok("ok" in answer, `${method}: ${JSON.stringify(answer)}`);
    return answer.ok;
  }

  generate(alg: string, purpose: string, recoverable = false): Promise<Loose> {
    return this.call("generate", { alg, purpose, recoverable });
  }

  close(): Promise<void> {
    return this.tab.close();
  }
}
