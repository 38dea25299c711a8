// Requests and answers on the port. An answer goes to the request with its number, once; what nobody asked for is not
// heard, and what has not the form of the protocol ends the channel.

import {
  checkParams,
  type EnclaveError,
  type Event,
  GESTURE,
  GESTURES,
  type Incoming,
  type Method,
  type Params,
  type Result,
  readIncoming,
} from "../../protocol/src/index.ts";
import { Refused } from "./refused.ts";

export interface CallOptions {
  /** Ends the waiting. The enclave may still do what was asked; its record says whether it did. */
  readonly signal?: AbortSignal;
  /** Milliseconds; 30 seconds, or as long as a person may take. */
  readonly timeout?: number;
}

export interface ChannelEvents {
  event(event: Event): void;
  malformed(): void;
  /** A request was not answered in time. */
  timedOut(): void;
}

const DEFAULT_TIMEOUT = 30_000;
const asksPerson = (method: Method): boolean => (GESTURES as readonly Method[]).includes(method);

interface Waiting {
  done(result: unknown): void;
  fail(error: EnclaveError | Refused): void;
}

export class Channel {
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended: Refused | undefined;

  constructor(
    readonly port: MessagePort,
    readonly events: ChannelEvents,
  ) {
    port.onmessage = event => this.#receive(event.data);
    port.onmessageerror = () => this.events.malformed();
  }

  async call<M extends Method>(method: M, params: Params<M>, options: CallOptions = {}): Promise<Result<M>> {
    const { signal, timeout = asksPerson(method) ? GESTURE.timeout + 15_000 : DEFAULT_TIMEOUT } = options;
    signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const checked = checkParams(method, params);
    this.#next += 1;
    const id = this.#next;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let aborted = (): void => undefined;
    try {
      return await new Promise<Result<M>>((resolve, reject) => {
        this.#waiting.set(id, { done: result => resolve(result as Result<M>), fail: reject });
        aborted = () => reject(signal?.reason);
        signal?.addEventListener("abort", aborted, { once: true });
        timer = setTimeout(() => {
          reject(new Refused("channel", "timeout", `${method} was not answered in time`));
          this.events.timedOut();
        }, timeout);
        // Cloned and not transferred: what the host hands in stays the host's.
        this.port.postMessage({ id, method, params: checked });
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      this.#waiting.delete(id);
    }
  }

  /** Closes the port; whatever still waits fails with this. */
  end(why: Refused): void {
    this.#ended = why;
    this.port.close();
    for (const waiting of [...this.#waiting.values()]) waiting.fail(why);
  }

  #receive(data: unknown): void {
    let heard: Incoming;
    try {
      heard = readIncoming(data);
    } catch {
      this.events.malformed();
      return;
    }
    if (heard.kind === "event") this.events.event(heard.event);
    else if (heard.kind === "ok") this.#waiting.get(heard.id)?.done(heard.ok);
    else this.#waiting.get(heard.id)?.fail(heard.error);
  }
}
