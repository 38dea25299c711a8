// Questions of the worker, one at a time: in this frame where the engine can tell that it is in sight, else in a window.

import type { ConfirmationRequest, ConfirmationResult, ToWorker } from "../../frame_messages.ts";
import { showConfirmation } from "./confirmation_page.ts";
import { ceremony } from "./passkey.ts";
import { confirmInPopup } from "./popup.ts";
import { canDetectVisibility } from "./visibility.ts";

/** How large a frame has to be to show a question whole. */
const SIZE = { width: 480, height: 560 } as const;

export class ConfirmationQueue {
  readonly #waiting: { readonly id: number; readonly ask: ConfirmationRequest }[] = [];
  #busy = false;

  constructor(
    readonly host: string,
    readonly send: (message: ToWorker, transfer?: Transferable[]) => void,
  ) {}

  add(id: number, ask: ConfirmationRequest): void {
    this.#waiting.push({ id, ask });
    void this.#next();
  }

  async #next(): Promise<void> {
    if (this.#busy) return;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    this.#busy = true;
    const told = await this.#show(first.ask).catch(
      (): ConfirmationResult => ({
        kind: "failed",
        code: "gesture_unavailable",
        message: "the question could not be shown",
      }),
    );
    this.send({ kind: "hide" });
    this.send({ kind: "told", id: first.id, told });
    this.#busy = false;
    void this.#next();
  }

  #show(ask: ConfirmationRequest): Promise<ConfirmationResult> {
    if (!canDetectVisibility()) {
      this.send({ kind: "window" });
      return confirmInPopup(ask);
    }
    this.send({ kind: "show", ...SIZE });
    return new Promise(done => showConfirmation({ page: ask.page, covered: "watch", consent: consent(ask), done }));
  }
}

/** What follows the click: the passkey, if one is needed, and what was typed. */
export function consent(ask: ConfirmationRequest): (typed: string | undefined) => Promise<ConfirmationResult> {
  return async typed => {
    const answer = typed === undefined ? {} : { typed };
    if (ask.ceremony === undefined) return { kind: "yes", ...answer };
    try {
      return { kind: "yes", ...answer, ...(await ceremony(ask.ceremony)) };
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : "the passkey could not be used";
      return { kind: "failed", code: "passkey_failed", message };
    }
  };
}
