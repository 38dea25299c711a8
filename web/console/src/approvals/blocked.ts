/** The reason why an approval request cannot be allowed now. A pure function over the card's state. */
import type { Reading } from "../args/view.tsx";

export interface Known {
  reading: Reading;
  visible: boolean;
  clickable: boolean;
  expired: boolean;
  passkeys: boolean;
  busy: boolean;
}

/** Returns an empty text if the request can be allowed. */
export function blockedReason(known: Known): string {
  if (known.busy) return "Waiting for your passkey…";
  if (known.expired) return "This request has expired. The agent can send it again.";
  if (!known.passkeys) return "Approving here requires a passkey.";
  if (!known.reading.done) return known.reading.missing;
  if (!known.visible) return "This window is not in front, or something covers the buttons.";
  if (!known.clickable) return "One moment…";
  return "";
}

/** Denying needs no reading: it grants nothing. */
export function denyBlockedReason(known: Pick<Known, "expired" | "passkeys" | "busy">): string {
  if (known.busy) return "Waiting for your passkey…";
  if (known.expired) return "This request has expired.";
  return known.passkeys ? "" : "Deciding here requires a passkey.";
}
