/** Formats a receipt in a few words. The members are those of `crates/receipts/src/form.rs`. */

import type { Receipt } from "../generated/contract.ts";
import type { IconName } from "../ui/icon.tsx";
import type { Tone } from "../ui/parts.tsx";
import { changeText, plainWord } from "../words.ts";

export interface Summary {
  kind: string;
  tone: Tone;
  icon: IconName;
  text: string;
}

const word = (receipt: Receipt, member: string): string => {
  const value = receipt[member];
  return value === undefined ? "" : String(value);
};
const DECISIONS: Record<string, string> = { allow: "allowed by policy", approved: "approved by you" };
const where = (receipt: Receipt): string =>
  [word(receipt, "server"), word(receipt, "name")].filter(one => one !== "").join(" · ");
const milliseconds = (receipt: Receipt): string => `${word(receipt, "ms")} ms`;
const bytes = (receipt: Receipt): string => `${Number(receipt["bytes"] ?? 0).toLocaleString("en")} bytes`;

type Format = (receipt: Receipt) => Summary;

const KINDS: Record<string, Format> = {
  intent: receipt => ({
    kind: "Call",
    tone: "plain",
    icon: "read",
    text: `${where(receipt)} (${DECISIONS[word(receipt, "decision")] ?? word(receipt, "decision")})`,
  }),
  outcome: receipt => {
    const ok = receipt["status"] === "ok";
    const redacted = Number(receipt["redacted"] ?? 0) > 0 ? `, ${word(receipt, "redacted")} secrets redacted` : "";
    const text = `${word(receipt, "status")} after ${milliseconds(receipt)}, ${bytes(receipt)}${redacted}`;
    return { kind: "Result", tone: ok ? "good" : "warn", icon: ok ? "check" : "alert", text };
  },
  refusal: receipt => {
    const reason = [word(receipt, "code"), word(receipt, "reason")]
      .filter(one => one !== "")
      .map(plainWord)
      .join(", ");
    return {
      kind: "Refused",
      tone: "bad",
      icon: "cross",
      text: [where(receipt), reason].filter(one => one !== "").join(": "),
    };
  },
  approval: receipt => {
    const by = word(receipt, "factor") === "" ? "" : ` by ${plainWord(word(receipt, "factor"))}`;
    const scope = word(receipt, "scope") === "" ? "" : ` (${plainWord(word(receipt, "scope"))})`;
    return { kind: "Approval", tone: "info", icon: "approvals", text: `${word(receipt, "step")}${by}${scope}` };
  },
  change: receipt => ({
    kind: "Change",
    tone: "info",
    icon: "policy",
    text: changeText([receipt["summary"]].flat().join(" ")),
  }),
  start: receipt => ({
    kind: "Start",
    tone: "plain",
    icon: "dot",
    text: `Briefcase ${word(receipt, "program")} started`,
  }),
  reconcile: receipt => ({
    kind: "Reconciled",
    tone: "warn",
    icon: "unknown",
    text: `interrupted call, ${word(receipt, "verdict")} outcome`,
  }),
  restore: () => ({
    kind: "Restored",
    tone: "warn",
    icon: "alert",
    text: "from a backup; earlier credentials are void",
  }),
  notice: receipt => {
    const text = [plainWord(word(receipt, "what")), word(receipt, "server"), word(receipt, "detail")];
    return { kind: "Notice", tone: "info", icon: "eye", text: text.filter(one => one !== "").join(" · ") };
  },
};

export const RECEIPT_KINDS = Object.keys(KINDS);

export function summary(receipt: Receipt): Summary {
  return KINDS[receipt.k]?.(receipt) ?? { kind: receipt.k, tone: "plain", icon: "unknown", text: "" };
}

/** Adds the call's server and name to outcomes and approvals, which record only the call's id. */
export function inContext(receipt: Receipt, calls: Map<unknown, Receipt>): { agent: string; said: Summary } {
  const said = summary(receipt);
  const call = calls.get(receipt["call"]);
  const agent = word(receipt, "agent") || (call ? word(call, "agent") : "");
  const bare = receipt.k === "outcome" || receipt.k === "approval";
  return { agent, said: bare && call ? { ...said, text: `${where(call)}: ${said.text}` } : said };
}

/** Indexes by call id the receipts that describe a call. */
export function callsOf(receipts: Receipt[]): Map<unknown, Receipt> {
  return new Map(receipts.filter(one => one.k === "intent" || one.k === "refusal").map(one => [one["call"], one]));
}
