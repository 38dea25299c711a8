// Whether the pointer dwell on a button before it clicked. A host cannot cover its frame unnoticed, but it can move it
// under a click that was meant for something else; then the pointer has only just come.

import { GESTURE } from "../../../../protocol/src/index.ts";

export class PointerDwell {
  #since: number | undefined;

  constructor(button: HTMLElement) {
    button.addEventListener("pointerover", () => {
      this.#since ??= performance.now();
    });
    // A finger leaves after each touch: the first one arms the button, a later one counts.
    button.addEventListener("pointerout", ({ pointerType }) => {
      if (pointerType === "mouse") this.#since = undefined;
    });
  }

  allows(click: MouseEvent): boolean {
    // A keyboard moves no pointer, and what it presses it reached by itself.
    if (click.detail === 0) return true;
    return this.#since !== undefined && performance.now() - this.#since >= GESTURE.dwell;
  }
}
