// Requests and responses on the port. A response settles the request with its id, once. Responses with an unknown id
// are ignored; a malformed message ends the channel.

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
  /** Stops waiting for the response. The enclave may still perform the request; its audit log shows the outcome. */
  readonly signal?: AbortSignal;
  /** Milliseconds; the default is 30 seconds, or longer for confirmations. */
  readonly timeout?: number;
}

export interface ChannelEvents {
  event(event: Event): void;
  malformed(): void;
  /** Called when a request got no response in time. */
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
          reject(new Refused("channel", "timeout", `${method} got no response in time`));
          this.events.timedOut();
        }, timeout);
        // Cloned and not transferred: the host keeps its buffers.
        this.port.postMessage({ id, method, params: checked });
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      this.#waiting.delete(id);
    }
  }

  /** Closes the port and rejects every pending request with this reason. */
  end(why: Refused): void {
    this.#ended = why;
    this.port.close();
    for (const waiting of [...this.#waiting.values()]) waiting.fail(why);
  }

  #receive(data: unknown): void {
    let message: Incoming;
    try {
      message = readIncoming(data);
    } catch {
      this.events.malformed();
      return;
    }
    if (message.kind === "event") this.events.event(message.event);
    else if (message.kind === "ok") this.#waiting.get(message.id)?.done(message.ok);
    else this.#waiting.get(message.id)?.fail(message.error);
  }
}
