/** The reason why an approval request cannot be decided now. A pure function over the card's state. */
import type { Reading } from "../args/view.tsx";

export interface Known {
  reading: Reading;
  visible: boolean;
  clickable: boolean;
  expired: boolean;
  passkeys: boolean;
  busy: boolean;
}

/** A reason: two or three words on the button, and a sentence below the buttons. */
export interface Blocked {
  short: string;
  full: string;
}

const BUSY: Blocked = { short: "in progress", full: "Waiting for your passkey…" };
const EXPIRED: Blocked = { short: "expired", full: "This request has expired. The agent can send it again." };
const NO_PASSKEY: Blocked = { short: "needs a passkey", full: "Deciding here requires a passkey." };
const NOT_VISIBLE: Blocked = {
  short: "not in front",
  full: "This window is not in front, or something covers the buttons.",
};
const TOO_SOON: Blocked = { short: "one moment", full: "One moment…" };

/** Returns `undefined` if the request can be allowed. */
export function blockedReason(known: Known): Blocked | undefined {
  const never = denyBlockedReason(known);
  if (never) return never;
  if (!known.reading.done) return { short: known.reading.short ?? "read it all first", full: known.reading.missing };
  if (!known.visible) return NOT_VISIBLE;
  return known.clickable ? undefined : TOO_SOON;
}

/** Denying needs no reading: it grants nothing. */
export function denyBlockedReason(known: Pick<Known, "expired" | "passkeys" | "busy">): Blocked | undefined {
  if (known.busy) return BUSY;
  if (known.expired) return EXPIRED;
  return known.passkeys ? undefined : NO_PASSKEY;
}
