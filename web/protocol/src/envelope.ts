// The messages on the open port. Requests go to the worker; responses and events come back.

import { integer, plainObject, reject, shape, string } from "./check.ts";
import { EnclaveError, type ErrorBody, isErrorCode } from "./errors.ts";
import type { Method, Params, Result } from "./methods.ts";

export interface Request<M extends Method = Method> {
  /** Chosen by the host; the response carries it. */
  readonly id: number;
  readonly method: M;
  readonly params: Params<M>;
}

export type Response<M extends Method = Method> =
  | { readonly id: number; readonly ok: Result<M> }
  | { readonly id: number; readonly error: ErrorBody };

/**
 * Events of the worker that position the frame; they grant nothing. `show`: make the frame visible at least this large,
 * for a confirmation in it. `window`: this engine cannot detect a covered frame, so open the frame's address in a popup
 * on a click. `hide`: the confirmation is over.
 */
export type Event =
  | { readonly event: "show"; readonly width: number; readonly height: number }
  | { readonly event: "window" }
  | { readonly event: "hide" };

/** A request with an unchecked method and parameters. */
export interface Unchecked {
  readonly id: number;
  readonly method: unknown;
  readonly params: unknown;
}

const request = shape({
  id: integer(0, Number.MAX_SAFE_INTEGER),
  method: (value: unknown) => value,
  params: (value: unknown) => value,
});

/** Reads a request. Throws if it has no id to respond to. */
export function readRequest(data: unknown): Unchecked {
  return request(data, "request");
}

const failure = shape({
  code: (value: unknown, at: string) => (isErrorCode(value) ? value : reject(at, "is not an error code")),
  message: string(1000, 0),
  next: string(1000, 0),
});

export type Incoming =
  | { readonly kind: "ok"; readonly id: number; readonly ok: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: EnclaveError }
  | { readonly kind: "event"; readonly event: Event };

/** Reads a message from the enclave: a response or an event. */
export function readIncoming(data: unknown): Incoming {
  const object = plainObject(data, "message");
  if (Object.hasOwn(object, "event")) return { kind: "event", event: readEvent(object) };
  const id = integer(0, Number.MAX_SAFE_INTEGER);
  if (Object.hasOwn(object, "error")) {
    const read = shape({ id, error: failure })(object, "answer");
    return {
      kind: "error",
      id: read.id,
      error: new EnclaveError(read.error.code, read.error.message, read.error.next),
    };
  }
  const read = shape({ id, ok: (value: unknown) => value })(object, "answer");
  return { kind: "ok", ...read };
}

function readEvent(object: Readonly<Record<string, unknown>>): Event {
  const word = object["event"];
  const size = integer(1, 2000);
  const event = () => word;
  if (word === "show") {
    const { width, height } = shape({ event, width: size, height: size })(object, "event");
    return { event: "show", width, height };
  }
  shape({ event })(object, "event");
  return word === "window" || word === "hide" ? { event: word } : reject("event", "is unknown");
}
