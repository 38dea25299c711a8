// A user of the demo: reads a step's status, presses its buttons, confirms requests of the enclave.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { until } from "../../enclave/test/engines/engine.ts";
import type { PuppetEngine, PuppetTab } from "../../enclave/test/engines/puppet.ts";

declare const DEMO_FOLDER: string;

/** The folder for screenshots; empty for no screenshots. */
const SHOTS = process.env["DEMO_SHOTS"] ?? "";

export class Person {
  private constructor(
    readonly engine: PuppetEngine,
    readonly tab: PuppetTab,
  ) {}

  static async before(engine: PuppetEngine, app: string): Promise<Person> {
    const person = new Person(engine, await engine.open());
    await person.tab.page.evaluateOnNewDocument(`{
      const attach = Element.prototype.attachShadow;
      Element.prototype.attachShadow = function (init) { return attach.call(this, { ...init, mode: "open" }); };
    }`);
    await person.tab.goto(app);
    await person.ready();
    return person;
  }

  async ready(): Promise<void> {
    await until("the page is ready", () =>
      this.tab.run("() => document.querySelector('main[aria-busy=false]') !== null"),
    );
  }

  /**
   * Returns the text of the status element. Its root is closed to scripts of the page; `before` opens it for this test.
   */
  status(): Promise<string> {
    return this.tab.run(
      "() => document.querySelector('briefcase-enclave-status').shadowRoot.querySelector('section').innerText",
    );
  }

  said(step: string): Promise<string> {
    return this.tab.run("step => document.querySelector('#' + step + ' .said').innerText", step);
  }

  text(step: string): Promise<string> {
    return this.tab.run("step => document.querySelector('#' + step).innerText", step);
  }

  /** Presses a button with the mouse. */
  async press(step: string, label: string): Promise<void> {
    const at = await this.tab.run<{ x: number; y: number } | null>(
      `([step, label]) => {
        const button = [...document.querySelectorAll("#" + step + " button")].find(one => one.textContent.startsWith(label));
        button?.scrollIntoView({ block: "center" });
        const box = button?.getBoundingClientRect();
        return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : null;
      }`,
      [step, label],
    );
    assert.ok(at !== null, `step ${step} has no button «${label}»`);
    await this.tab.page.mouse.click(at.x, at.y);
  }

  /** Waits until a step's status contains this text. */
  async hears(step: string, words: string): Promise<string> {
    const what = `${step} says «${words}»`;
    await until(what, async () => (await this.said(step)).includes(words), 60_000).catch(async () => {
      throw new Error(`timed out waiting until ${what}; it says «${await this.said(step)}»`);
    });
    return this.said(step);
  }

  async does(step: string, label: string, words: string): Promise<string> {
    await this.press(step, label);
    return this.hears(step, words);
  }

  /** Confirms the enclave's request. `typed` derives the input from the shown text. Returns the shown text. */
  async agrees(typed?: (shown: string) => string): Promise<string> {
    const where = this.engine.name === "chromium" ? "frame" : "window";
    if (where === "window") {
      await until("the page offers the window", () =>
        this.tab.run("() => !document.querySelector('#question').hidden"),
      );
      await this.tab.click("#question button", "page");
    }
    const shown = await this.tab.text("main", where);
    if (typed !== undefined) await this.tab.type("input", typed(shown), where);
    await this.tab.text("button.yes[aria-disabled=false]", where);
    await this.tab.click("button.yes", where);
    return shown;
  }

  /** Takes a screenshot with the confirmation, if it is shown in the page. */
  async shown(name: string): Promise<void> {
    if (this.engine.name !== "chromium") return;
    await this.tab.text("button.yes[aria-disabled=false]", "frame");
    await this.shot(name);
  }

  /** Requires that axe finds no violation in the current colours. */
  async accessible(): Promise<void> {
    await this.tab.page.evaluate(await readFile(`${DEMO_FOLDER}../node_modules/axe-core/axe.min.js`, "utf8"));
    const found = await this.tab.run<readonly string[]>(`async () => {
      const { violations } = await axe.run(document, { iframes: false });
      return violations.map(one => one.id + ": " + one.nodes.map(node => node.target + " " + node.failureSummary).join(" | "));
    }`);
    assert.deepEqual(found, []);
  }

  async shot(name: string, whole = false): Promise<void> {
    if (SHOTS !== "")
      await this.tab.page.screenshot({ path: `${SHOTS}/${this.engine.name}-${name}.png`, fullPage: whole });
  }
}
