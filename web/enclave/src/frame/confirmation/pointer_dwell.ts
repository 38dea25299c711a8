// Checks that the pointer rested on a button before the click. A host cannot cover its frame unnoticed, but it can move
// the frame under a click meant for something else.

import { GESTURE } from "../../../../protocol/src/index.ts";

export class PointerDwell {
  #since: number | undefined;

  constructor(button: HTMLElement) {
    button.addEventListener("pointerover", () => {
      this.#since ??= performance.now();
    });
    // A finger leaves after each touch: the first touch starts the time, a later one counts.
    button.addEventListener("pointerout", ({ pointerType }) => {
      if (pointerType === "mouse") this.#since = undefined;
    });
  }

  allows(click: MouseEvent): boolean {
    // A keyboard click moves no pointer; the user focused the button first.
    if (click.detail === 0) return true;
    return this.#since !== undefined && performance.now() - this.#since >= GESTURE.dwell;
  }
}
