// The host's port: reads requests and returns responses of the protocol only.

import {
  EnclaveError,
  type Event,
  LIMITS,
  type Response,
  readRequest,
  type Unchecked,
} from "../../../protocol/src/index.ts";

export type RequestHandler = (method: unknown, params: unknown) => Promise<unknown>;

export class HostPort {
  #waiting = 0;

  constructor(
    readonly port: MessagePort,
    readonly handle: RequestHandler,
  ) {
    port.onmessage = event => void this.#receive(event.data);
    // A message that cannot be deserialized has no request id.
    port.onmessageerror = () => undefined;
    port.start();
  }

  send(event: Event): void {
    this.port.postMessage(event);
  }

  async #receive(data: unknown): Promise<void> {
    let request: Unchecked;
    try {
      request = readRequest(data);
    } catch {
      return;
    }
    const answer = await this.#answer(request);
    this.port.postMessage(answer, "ok" in answer ? transferables(answer.ok) : []);
  }

  async #answer({ id, method, params }: Unchecked): Promise<Response | { id: number; ok: unknown }> {
    if (this.#waiting >= LIMITS.pending) {
      return { id, error: new EnclaveError("too_many", "too many pending requests").body() };
    }
    this.#waiting += 1;
    try {
      return { id, ok: requirePlainData(await this.handle(method, params)) };
    } catch (thrown) {
      return { id, error: EnclaveError.of(thrown).body() };
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** Returns the buffers of a response, to be transferred. */
function transferables(value: unknown): Transferable[] {
  if (value instanceof ArrayBuffer) return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(transferables);
}

/** Rejects anything but plain data. A key object would be cloned to another origin and could sign there. */
function requirePlainData(value: unknown): unknown {
  if (value instanceof ArrayBuffer || typeof value !== "object" || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype) {
    throw new EnclaveError("internal", "a response contained a value that is not plain data");
  }
  Object.values(value).forEach(requirePlainData);
  return value;
}
