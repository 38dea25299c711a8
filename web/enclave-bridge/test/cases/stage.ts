// The environment of a case: a browser, the origins, and a host page with the bridge.

import assert from "node:assert/strict";
import { type EngineName, until } from "../../../enclave/test/engines/engine.ts";
import type { PuppetEngine, PuppetTab } from "../../../enclave/test/engines/puppet.ts";
import type { World } from "../world/world.ts";

/** The page returns plain data of any shape; the cases check what they need. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
export type Loose = any;

export interface Opening {
  readonly policy?: string;
  readonly pin?: string;
  readonly timeout?: number;
  readonly url?: string;
}

export class Page {
  constructor(
    readonly world: World,
    readonly tab: PuppetTab,
  ) {}

  do<R = Loose>(what: string, ...args: readonly unknown[]): Promise<R> {
    return this.tab.run(`args => host[${JSON.stringify(what)}](...args)`, args);
  }

  open(opening: Opening = {}): Promise<Loose> {
    const { world } = this;
    return this.do("open", { url: world.page, policy: world.policy, ...opening });
  }

  /** Opens and expects a verified enclave. */
  async verified(opening: Opening = {}): Promise<Loose> {
    const answer = await this.open(opening);
    assert.equal(answer.shot.state, "verified", JSON.stringify(answer));
    return answer.shot;
  }

  /** Opens and expects this refusal: no frame is in the page, and no call is answered. */
  async refused(layer: string, code: string, opening: Opening = {}): Promise<Loose> {
    const answer = await this.open(opening);
    assert.deepEqual([answer.refused?.layer, answer.refused?.code], [layer, code], JSON.stringify(answer));
    assert.equal(answer.shot.state, "unverified-refused");
    await this.closed(layer, code);
    return answer;
  }

  /** Checks that no frame is left, that the user sees the reason, and that every method reports it. */
  async closed(layer: string, code: string): Promise<void> {
    assert.equal(await this.do("frames"), 0, "no frame is left");
    const text = await this.do<string>("text");
    assert.ok(text.includes("Refused") && text.includes(`(${layer}, ${code})`), text);
    const answers = await this.do<readonly Loose[]>("everything");
    assert.ok(answers.length > 25);
    for (const { method, answer } of answers) assert.equal(answer.refused?.code, code, method);
  }

  until(what: string, code: string): Promise<void> {
    return until(what, () => this.tab.run<boolean>(`() => Boolean(${code})`), 30_000);
  }

  /** Clicks a button of the status element, whose root scripts cannot reach. */
  async press(label: string): Promise<void> {
    const at = await this.do<{ x: number; y: number } | null>("place", label);
    assert.ok(at !== null, `there is no «${label}»`);
    await this.tab.page.mouse.click(at.x, at.y);
  }
}

export class Stage {
  readonly #pages: Page[] = [];

  constructor(
    readonly world: World,
    readonly engine: PuppetEngine,
  ) {}

  get name(): EngineName {
    return this.engine.name;
  }

  /** Opens a host page without stored state. */
  async fresh(path = "/"): Promise<Page> {
    const page = await this.page(path);
    await page.tab.run("() => localStorage.clear()");
    return page;
  }

  async page(path = "/"): Promise<Page> {
    const page = new Page(this.world, await this.engine.open());
    this.#pages.push(page);
    await page.tab.goto(`${this.world.origin("app")}${path}`);
    return page;
  }

  async end(): Promise<void> {
    for (const page of this.#pages.splice(0)) await page.tab.close().catch(() => undefined);
    this.world.reset();
  }
}

export interface Case {
  readonly name: string;
  readonly engines?: readonly EngineName[];
  run(stage: Stage): Promise<void>;
}
