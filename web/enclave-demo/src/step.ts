// One step of the page: a heading, a description, buttons, and a status line that screen readers announce.

import { EnclaveError, Refused } from "../../enclave-bridge/src/index.ts";
import type { AppState } from "./app_state.ts";
import { type Content, el } from "./element.ts";

export type Tone = "good" | "bad" | "plain";

/** Returns the reason why a button is unavailable, or nothing. */
export type Precondition = () => string | undefined;

export class Step {
  readonly section: HTMLElement;
  readonly body = el("div");
  readonly #said = el("p", { class: "said", role: "status" });

  constructor(
    readonly state: AppState,
    readonly name: string,
    number: number,
    title: string,
    about: string,
  ) {
    const heading = el("h2", { id: `${name}-title` }, title);
    this.body.append(heading, el("p", { class: "about" }, about));
    this.section = el(
      "section",
      { class: "step", id: name, "aria-labelledby": heading.id },
      el("span", { class: "number", "aria-hidden": "true" }, String(number)),
      this.body,
    );
  }

  /** Appends elements; the status line comes last. */
  add(...elements: readonly HTMLElement[]): this {
    this.body.append(...elements, this.#said);
    return this;
  }

  say(tone: Tone, ...what: readonly Content[]): void {
    this.#said.dataset["tone"] = tone;
    this.#said.replaceChildren(...what);
  }

  good(word: string, text: string): void {
    this.say("good", el("b", {}, word), ` ${text}`);
  }

  bad(word: string, text: string): void {
    this.say("bad", el("b", {}, word), ` ${text}`);
  }

  /** Creates a button. While it is busy or unavailable, a click shows the reason. */
  button(
    label: string,
    style: "first" | "grave" | "",
    run: () => Promise<void>,
    precondition: Precondition = () => undefined,
  ) {
    const button = el("button", { type: "button", ...(style === "" ? {} : { class: style }) }, label);
    let busy = false;
    const refresh = () => button.setAttribute("aria-disabled", String(busy || precondition() !== undefined));
    button.addEventListener("click", async () => {
      const why = precondition();
      if (busy) return;
      if (why !== undefined) {
        this.say("plain", why);
        return;
      }
      busy = true;
      refresh();
      try {
        await run();
      } catch (thrown) {
        this.bad(...words(thrown));
      } finally {
        busy = false;
        refresh();
      }
    });
    this.state.addEventListener("change", refresh);
    refresh();
    return button;
  }
}

export const row = (...elements: readonly HTMLElement[]): HTMLElement => el("div", { class: "row" }, ...elements);

/** Describes an error: a word, and a sentence with the next step. */
function words(thrown: unknown): [string, string] {
  if (thrown instanceof EnclaveError || thrown instanceof Refused) {
    const text = `${thrown.message.charAt(0).toUpperCase()}${thrown.message.slice(1)}`;
    return [`Refused (${thrown.code}).`, `${text}. ${thrown.next}`];
  }
  return ["Failed.", thrown instanceof Error ? thrown.message : String(thrown)];
}
