// A person before the demo: reads what a step says, presses its buttons, answers the enclave's questions.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { until } from "../../enclave/test/engines/engine.ts";
import type { PuppetEngine, PuppetTab } from "../../enclave/test/engines/puppet.ts";

declare const DEMO_FOLDER: string;

/** Where screenshots go; none are taken when nothing is said. */
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

  /** What the status element says. Its root is closed to scripts of the page; `before` leaves it open for this. */
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

  /** Presses a button as a person does, by mouse. */
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
    assert.ok(at !== null, `there is no button «${label}» in ${step}`);
    await this.tab.page.mouse.click(at.x, at.y);
  }

  /** Waits until a step says this. */
  async hears(step: string, words: string): Promise<string> {
    const what = `${step} says «${words}»`;
    await until(what, async () => (await this.said(step)).includes(words), 60_000).catch(async () => {
      throw new Error(`waited in vain until ${what}; it says «${await this.said(step)}»`);
    });
    return this.said(step);
  }

  async does(step: string, label: string, words: string): Promise<string> {
    await this.press(step, label);
    return this.hears(step, words);
  }

  /** Answers the enclave's question with yes; what has to be typed is taken from what it shows. Gives what it showed. */
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

  /** A screenshot with the question on it, where it comes up in the page. */
  async shown(name: string): Promise<void> {
    if (this.engine.name !== "chromium") return;
    await this.tab.text("button.yes[aria-disabled=false]", "frame");
    await this.shot(name);
  }

  /** Nothing that axe finds, in whatever colours are on. */
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
