// The state of an enclave, for the person and for the host, in one value.
//
// Invariant: `mayAsk` guards every call to the enclave; it is true only in `verified` and `needs-gesture`.

import type { LostReason } from "./handshake.ts";
import type { Refused } from "./refused.ts";
import type { Facts } from "./release.ts";

export type State = "checking" | "verified" | "unverified-refused" | "lost" | "needs-gesture";

export interface Snapshot {
  readonly state: State;
  readonly url: string;
  /**
   * `browser`: this browser runs no other code in the frame. `outside`: it cannot enforce that, and only the files sent
   * to this page were verified.
   */
  readonly enforced: "browser" | "outside";
  readonly release?: Facts;
  readonly refused?: Refused;
  readonly lost?: LostReason;
  /** The place of a pending confirmation. */
  readonly question?: "frame" | "window";
  /** A failed attempt to verify again that says nothing against the enclave. */
  readonly notice?: Refused;
  /** True if the browser dropped the previous keys. */
  readonly storeLost?: boolean;
}

export type StateEvent =
  | { readonly kind: "check" }
  | { readonly kind: "verified"; readonly release: Facts }
  | { readonly kind: "store"; readonly lost: boolean }
  | { readonly kind: "unclear"; readonly notice: Refused }
  | { readonly kind: "refused"; readonly refused: Refused }
  | { readonly kind: "lost"; readonly lost: LostReason }
  | { readonly kind: "asked"; readonly where: "frame" | "window" }
  | { readonly kind: "answered" };

export const mayAsk = ({ state }: Snapshot): boolean => state === "verified" || state === "needs-gesture";

export function nextSnapshot(at: Snapshot, event: StateEvent): Snapshot {
  const { url, enforced } = at;
  const base = { url, enforced };
  switch (event.kind) {
    case "check":
      return { ...base, state: "checking" };
    case "verified": {
      const { notice: _, ...rest } = at;
      return mayAsk(at) ? { ...rest, release: event.release } : { ...base, state: "verified", release: event.release };
    }
    case "refused":
      return { ...base, state: "unverified-refused", refused: event.refused };
    case "lost":
      return at.state === "unverified-refused" ? at : { ...base, ...kept(at), state: "lost", lost: event.lost };
    case "store":
      return { ...at, storeLost: event.lost };
    case "unclear":
      return { ...at, notice: event.notice };
    case "asked":
      return mayAsk(at) ? { ...at, state: "needs-gesture", question: event.where } : at;
    case "answered": {
      const { question: _, ...rest } = at;
      return at.state === "needs-gesture" ? { ...rest, state: "verified" } : at;
    }
  }
}

const kept = ({ release }: Snapshot) => (release === undefined ? {} : { release });
