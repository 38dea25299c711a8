/** Why a question cannot be allowed right now. Pure: the card tells it what it knows, and shows the answer. */
import type { Reading } from "../args/view.tsx";

export interface Known {
  reading: Reading;
  visible: boolean;
  clickable: boolean;
  expired: boolean;
  passkeys: boolean;
  busy: boolean;
}

/** Empty when it can be allowed. */
export function blockedReason(known: Known): string {
  if (known.busy) return "Waiting for your passkey…";
  if (known.expired) return "This question has expired. The agent can ask again.";
  if (!known.passkeys) return "Deciding here takes a passkey.";
  if (!known.reading.done) return known.reading.missing;
  if (!known.visible) return "This window is not in front, or something covers the buttons.";
  if (!known.clickable) return "One moment…";
  return "";
}

/** Denying needs no reading: it gives nothing away. */
export function denyBlockedReason(known: Pick<Known, "expired" | "passkeys" | "busy">): string {
  if (known.busy) return "Waiting for your passkey…";
  if (known.expired) return "This question has expired.";
  return known.passkeys ? "" : "Deciding here takes a passkey.";
}
