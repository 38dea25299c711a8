// Questions of the worker, one at a time: in this frame where the engine can tell that it is in sight, else in a window.

import type { Ask, Told, ToWorker } from "../../link.ts";
import { ceremony } from "./passkey.ts";
import { question } from "./question.ts";
import { canSeeItself } from "./visible.ts";
import { inWindow } from "./window.ts";

/** How large a frame has to be to show a question whole. */
const SIZE = { width: 480, height: 560 } as const;

export class Gestures {
  readonly #waiting: { readonly id: number; readonly ask: Ask }[] = [];
  #busy = false;

  constructor(
    readonly host: string,
    readonly say: (message: ToWorker, transfer?: Transferable[]) => void,
  ) {}

  ask(id: number, ask: Ask): void {
    this.#waiting.push({ id, ask });
    void this.#next();
  }

  async #next(): Promise<void> {
    if (this.#busy) return;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    this.#busy = true;
    const told = await this.#put(first.ask).catch(
      (): Told => ({ kind: "failed", code: "gesture_unavailable", message: "the question could not be shown" }),
    );
    this.say({ kind: "hide" });
    this.say({ kind: "told", id: first.id, told });
    this.#busy = false;
    void this.#next();
  }

  #put(ask: Ask): Promise<Told> {
    if (!canSeeItself()) {
      this.say({ kind: "window" });
      return inWindow(ask);
    }
    this.say({ kind: "show", ...SIZE });
    return new Promise(done => question({ page: ask.page, covered: "watch", consent: consent(ask), done }));
  }
}

/** What follows the click: the passkey, if one is needed, and what was typed. */
export function consent(ask: Ask): (typed: string | undefined) => Promise<Told> {
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
