// The messages that go through `window.postMessage`.
//
// Invariant: only messages from this frame and the enclave's exact origin count, and the port is handed out once. A
// second ready message, or a second document in the frame, means that the holder of the port is gone. The connection
// then ends, and no other port is handed out.

import { type Open, readEnded, readReady, SCHEMA } from "../../protocol/src/index.ts";
import type { EnclaveFrame } from "./frame.ts";
import { Refused } from "./refused.ts";

/** The reason for a lost connection. */
export type LostReason = "worker_ended" | "second_ready" | "navigated" | "no_answer" | "malformed" | "closed";

export interface HandshakeOptions {
  readonly container: Element;
  readonly open: Open;
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  lost(why: LostReason): void;
}

const broken = (code: string, message: string) => new Refused("channel", code, message);

export class Handshake {
  readonly #messages = (event: MessageEvent<unknown>): void => this.#receive(event);
  #resolve: ((port: MessagePort | Refused) => void) | undefined;
  #documents = 0;
  #opened = false;
  #over = false;

  constructor(
    readonly frame: EnclaveFrame,
    readonly options: HandshakeOptions,
  ) {}

  /** Loads the frame and waits for its ready message. */
  async run(): Promise<MessagePort> {
    const { container, timeout, signal } = this.options;
    const settled = new Promise<MessagePort | Refused>(resolve => {
      this.#resolve = resolve;
    });
    const late = () =>
      this.#resolve?.(broken("no_ready", "the enclave did not start: its page was blocked or replaced"));
    const timer = setTimeout(late, timeout);
    const cancelled = () => this.#resolve?.(broken("cancelled", "the operation was cancelled"));
    signal?.addEventListener("abort", cancelled, { once: true });
    window.addEventListener("message", this.#messages);
    this.frame.attach(container, () => this.#loaded());
    const port = await settled;
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancelled);
    if (port instanceof Refused) throw port;
    return port;
  }

  stop(): void {
    this.#over = true;
    this.#resolve?.(broken("closed", "the frame was removed before it responded"));
    window.removeEventListener("message", this.#messages);
  }

  #receive(event: MessageEvent<unknown>): void {
    if (this.#over || !this.frame.owns(event.source)) return;
    if (event.origin !== this.frame.url.origin) {
      if (!this.#opened)
        this.#resolve?.(broken("wrong_origin", "the enclave's frame sent a message from another origin"));
      return;
    }
    if (is(readEnded, event.data)) this.#lose("worker_ended");
    else if (is(readReady, event.data)) this.#ready(readReady(event.data).schema);
  }

  #ready(schema: number): void {
    if (this.#opened) {
      this.#lose("second_ready");
      return;
    }
    if (schema !== SCHEMA) {
      this.#resolve?.(broken("schema", `the enclave uses schema ${schema}, this page uses ${SCHEMA}`));
      return;
    }
    this.#opened = true;
    const { port1, port2 } = new MessageChannel();
    this.frame.window?.postMessage(this.options.open, this.frame.url.origin, [port2]);
    this.#resolve?.(port1);
  }

  #loaded(): void {
    this.#documents += 1;
    if (this.#documents > 1) this.#lose("navigated");
  }

  #lose(why: LostReason): void {
    if (this.#over) return;
    this.#resolve?.(broken(why, "the enclave's frame was replaced"));
    this.options.lost(why);
  }
}

function is(read: (data: unknown) => unknown, data: unknown): boolean {
  try {
    read(data);
    return true;
  } catch {
    return false;
  }
}
