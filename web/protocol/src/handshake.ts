// The messages of `window.postMessage`: before the port is open, and after the worker ended. Both sides check origin
// and source themselves; this file defines only the format.

import { integer, matching, oneOf, shape } from "./check.ts";
import { STORAGES, type Storage } from "./words.ts";

/** The version of this protocol and of the store. A host rejects a schema it was not built for. */
export const SCHEMA = 1;

/** Frame to host, sent to each origin of the release. */
export interface Ready {
  readonly briefcase: "ready";
  readonly schema: number;
}

/** Host to frame, once, with exactly one `MessagePort`. */
export interface Open {
  readonly briefcase: "open";
  readonly storage: Storage;
  /** The store that the host saw last (`status.store`). A different or missing store is reported as a loss. */
  readonly store?: string;
}

/** Frame to host: the worker ended and the port is dead. The host must reload the frame. */
export interface Ended {
  readonly briefcase: "ended";
}

export const storeId = matching(/^[A-Za-z0-9_-]{22}$/, "the id of a store");

export const readReady = (data: unknown): Ready =>
  shape({ briefcase: oneOf(["ready"]), schema: integer(1, 1_000_000) })(data, "ready");

export const readOpen = (data: unknown): Open =>
  shape({ briefcase: oneOf(["open"]), storage: oneOf(STORAGES) }, { store: storeId })(data, "open");

export const readEnded = (data: unknown): Ended => shape({ briefcase: oneOf(["ended"]) })(data, "ended");
