// The few messages that go through `window.postMessage`: before the port is open, and when the worker is gone.
// Both sides check origin and source themselves; here is only the form.

import { integer, matching, oneOf, shape } from "./check.ts";
import { STORAGES, type Storage } from "./words.ts";

/** Version of this protocol and of the store behind it. A host refuses a schema it was not built for. */
export const SCHEMA = 1;

/** Frame to host, to each origin that the release was built for. */
export interface Ready {
  readonly briefcase: "ready";
  readonly schema: number;
}

/** Host to frame, once, with exactly one `MessagePort`. */
export interface Open {
  readonly briefcase: "open";
  readonly storage: Storage;
  /** The store that the host has seen before (`status.store`). Another oneOf, or none, is then a loss and is said. */
  readonly store?: string;
}

/** Frame to host: the worker ended and the port is dead. The host loads the frame anew. */
export interface Ended {
  readonly briefcase: "ended";
}

export const storeId = matching(/^[A-Za-z0-9_-]{22}$/, "the id of a store");

export const readReady = (data: unknown): Ready =>
  shape({ briefcase: oneOf(["ready"]), schema: integer(1, 1_000_000) })(data, "ready");

export const readOpen = (data: unknown): Open =>
  shape({ briefcase: oneOf(["open"]), storage: oneOf(STORAGES) }, { store: storeId })(data, "open");

export const readEnded = (data: unknown): Ended => shape({ briefcase: oneOf(["ended"]) })(data, "ended");
