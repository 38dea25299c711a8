// One confirmation page: the operation, the requesting host, and two buttons.
//
// Invariant: the consent button works only for a trusted click on a focused page whose text was visible for a minimum
// time. A text that does not fit must be scrolled to its end first, so nothing is hidden behind blank lines.

import { GESTURE } from "../../../../protocol/src/index.ts";
import type { ConfirmationPage, ConfirmationResult } from "../../frame_messages.ts";
import { element, show } from "../page.ts";
import { FocusDelay } from "./focus_delay.ts";
import { PointerDwell } from "./pointer_dwell.ts";
import { VisibilityTracker } from "./visibility.ts";

export interface ConfirmationOptions {
  readonly page: ConfirmationPage;
  /** A host can cover its frame; it cannot cover a popup. */
  readonly covered: "watch" | "cannot";
  /** Runs right after the consenting click, while the browser still has user activation. */
  consent(typed: string | undefined): Promise<ConfirmationResult>;
  done(told: ConfirmationResult): void;
}

/** Shows the page. Returns a function that removes it without a result. */
export function showConfirmation(options: ConfirmationOptions): () => void {
  const { page } = options;
  const main = element("main", "");
  const field = page.prompt === undefined ? undefined : input(page.prompt);
  const yes = element("button", page.yes, "yes");
  const no = element("button", page.no, "no");
  yes.type = no.type = "button";
  main.append(element("h1", page.heading), ...page.paragraphs.map(text => element("p", text)));
  const quoted = page.quoted === undefined ? undefined : element("blockquote", page.quoted);
  if (quoted !== undefined) {
    // Focus makes the text scrollable by keyboard.
    quoted.tabIndex = 0;
    main.append(quoted);
  }
  if (page.code !== undefined) main.append(element("output", page.code, "code"));
  if (field !== undefined) main.append(field.label);
  const buttons = element("div", "", "buttons");
  buttons.append(no, yes);
  main.append(buttons);
  show(main);
  const up = performance.now();
  const seen = options.covered === "watch" ? new VisibilityTracker(main, () => refresh()) : new FocusDelay();
  const dwell = options.covered === "watch" ? new PointerDwell(yes) : undefined;
  let over = false;
  let read = quoted === undefined;

  const ready = (): boolean => {
    const long = performance.now() - up >= GESTURE.delay && seen.duration >= GESTURE.delay;
    read ||= long && quoted !== undefined && atEnd(quoted);
    const filled = field === undefined || complete(page, field.box.value);
    return long && read && filled && document.visibilityState === "visible";
  };
  const refresh = (): void => {
    // `aria-disabled` instead of `disabled`: a screen reader skips a disabled button.
    yes.setAttribute("aria-disabled", String(!ready()));
  };
  const timer = setInterval(refresh, 100);
  const end = (told?: ConfirmationResult): void => {
    if (over) return;
    over = true;
    clearInterval(timer);
    clearTimeout(timeout);
    seen.stop();
    show();
    if (told !== undefined) options.done(told);
  };
  const timeout = setTimeout(() => end(failed("nobody responded in time")), GESTURE.timeout);
  refresh();
  no.addEventListener("click", event => {
    if (event.isTrusted) end({ kind: "no" });
  });
  yes.addEventListener("click", event => {
    if (!event.isTrusted || !document.hasFocus() || !ready() || dwell?.allows(event) === false) return;
    clearTimeout(timeout);
    yes.setAttribute("aria-disabled", "true");
    void options.consent(field?.box.value).then(end, () => end(failed("the response could not be processed")));
  });
  return end;
}

const failed = (message: string): ConfirmationResult => ({ kind: "failed", code: "gesture_unavailable", message });

/** Checks that the last line is visible. Text without layout has no height and no end. */
const atEnd = (text: HTMLElement): boolean =>
  text.clientHeight > 0 && text.scrollTop + text.clientHeight >= text.scrollHeight - 2;

function input(prompt: string) {
  const label = element("label", prompt);
  const box = element("input", "");
  box.autocomplete = "off";
  box.spellcheck = false;
  label.append(box);
  return { label, box };
}

/** Checks the input. A recovery code counts as saved once its last group was typed. */
function complete(page: ConfirmationPage, typed: string): boolean {
  if (page.code === undefined) return typed.trim().length > 0;
  return typed.trim().toUpperCase() === page.code.slice(-4);
}
