// What the status element says in each state. Plain sentences; nothing that the enclave or its frame could have written.

import type { LostReason } from "../handshake.ts";
import type { Snapshot } from "../state.ts";

export type Tone = "good" | "plain" | "warn" | "bad";

export interface Words {
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
}

const OUTSIDE =
  "This browser cannot enforce the hash; it was checked from outside only. A server that sends this page one thing and the frame another would not be noticed.";

const LOST: Readonly<Record<LostReason, string>> = {
  worker_ended: "The enclave's worker ended.",
  second_ready: "The frame was loaded a second time.",
  navigated: "The frame went to another page.",
  no_answer: "The enclave does not answer any more.",
  malformed: "The frame said something that is not of the protocol.",
  closed: "This page closed it.",
};

export function describe(at: Snapshot): Words {
  const { state, refused, lost, notice, storeLost } = at;
  if (state === "checking")
    return { tone: "plain", title: "Checking", text: "The enclave is checked before it is loaded." };
  if (state === "unverified-refused") {
    const text = `${sentence(refused?.message ?? "it was refused")} ${refused?.next ?? ""} (${refused?.layer}, ${refused?.code})`;
    return { tone: "bad", title: "Refused", text };
  }
  if (state === "lost") {
    return {
      tone: "warn",
      title: "Connection lost",
      text: `${LOST[lost ?? "closed"]} Verify to load it anew; what was committed is kept.`,
    };
  }
  const parts: string[] = [];
  if (state === "needs-gesture") {
    parts.push(at.question === "window" ? "The enclave asks you in a window of its own." : "The enclave asks you.");
  }
  if (storeLost === true) parts.push("The browser dropped the keys that were here. Restore a backup or enrol anew.");
  if (notice !== undefined) parts.push(`Not checked again: ${notice.message}.`);
  if (at.enforced === "outside") parts.push(OUTSIDE);
  const tone: Tone = storeLost === true || notice !== undefined || at.enforced === "outside" ? "warn" : "good";
  const title =
    state === "needs-gesture"
      ? "Waits for your answer"
      : at.enforced === "outside"
        ? "Checked from outside"
        : "Verified";
  return { tone, title, text: parts.join(" ") };
}

/** Who vouches, in one line. */
export function signerText({ release }: Snapshot): string {
  if (release === undefined) return "nobody yet";
  if (release.by === "pin") return "this page, which names the hash itself";
  return release.signer?.identity ?? "";
}

export function witnessText({ release }: Snapshot): string {
  const { witnesses } = release ?? {};
  if (witnesses === undefined) return "";
  return witnesses.length === 0 ? "no witness" : witnesses.join(", ");
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
