// The queue of confirmation requests from the worker. It shows one at a time: in this frame if the engine can detect
// visibility, otherwise in a popup.

import type { ConfirmationRequest, ConfirmationResult, ToWorker } from "../../frame_messages.ts";
import { showConfirmation } from "./confirmation_page.ts";
import { ceremony } from "./passkey.ts";
import { confirmInPopup } from "./popup.ts";
import { canDetectVisibility } from "./visibility.ts";

/** The frame size that shows a whole confirmation page. */
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
        message: "the confirmation could not be shown",
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

/** Runs after the click: performs the passkey ceremony, if one is needed, and returns the typed text. */
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
