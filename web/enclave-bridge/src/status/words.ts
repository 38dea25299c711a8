// The text of the status element in each state. No text comes from the enclave or its frame.

import type { LostReason } from "../handshake.ts";
import type { Snapshot } from "../state.ts";

export type Tone = "good" | "plain" | "warn" | "bad";

export interface Words {
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
}

const OUTSIDE =
  "This browser cannot enforce the hash; it was only checked from outside. A server that sends other files to the frame than to this page would go unnoticed.";

const LOST: Readonly<Record<LostReason, string>> = {
  worker_ended: "The enclave's worker ended.",
  second_ready: "The frame was loaded a second time.",
  navigated: "The frame navigated to another page.",
  no_answer: "The enclave no longer responds.",
  malformed: "The frame sent a message outside the protocol.",
  closed: "This page closed the connection.",
};

export function describe(at: Snapshot): Words {
  const { state, refused, lost, notice, storeLost } = at;
  if (state === "checking")
    return { tone: "plain", title: "Checking", text: "The enclave is verified before it is loaded." };
  if (state === "unverified-refused") {
    const text = `${sentence(refused?.message ?? "the enclave was refused")} ${refused?.next ?? ""} (${refused?.layer}, ${refused?.code})`;
    return { tone: "bad", title: "Refused", text };
  }
  if (state === "lost") {
    return {
      tone: "warn",
      title: "Connection lost",
      text: `${LOST[lost ?? "closed"]} Verify to reload it; committed data is kept.`,
    };
  }
  const parts: string[] = [];
  if (state === "needs-gesture") {
    parts.push(
      at.question === "window"
        ? "The enclave requests confirmation in its own window."
        : "The enclave requests confirmation.",
    );
  }
  if (storeLost === true) parts.push("The browser deleted the stored keys. Restore a backup or enroll again.");
  if (notice !== undefined) parts.push(`Verification could not be repeated: ${notice.message}.`);
  if (at.enforced === "outside") parts.push(OUTSIDE);
  const tone: Tone = storeLost === true || notice !== undefined || at.enforced === "outside" ? "warn" : "good";
  const title =
    state === "needs-gesture"
      ? "Waiting for confirmation"
      : at.enforced === "outside"
        ? "Checked from outside"
        : "Verified";
  return { tone, title, text: parts.join(" ") };
}

/** Names the signer, in one line. */
export function signerText({ release }: Snapshot): string {
  if (release === undefined) return "not verified yet";
  if (release.by === "pin") return "pinned by this page";
  return release.signer?.identity ?? "";
}

export function witnessText({ release }: Snapshot): string {
  const { witnesses } = release ?? {};
  if (witnesses === undefined) return "";
  return witnesses.length === 0 ? "no witnesses" : witnesses.join(", ");
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
