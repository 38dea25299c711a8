/** The rule in one sentence that is exactly as broad as the rule. */
import type { ApprovalRequest } from "../generated/contract.ts";
import { listed } from "../words.ts";

export const LASTS: readonly { text: string; seconds: number }[] = [
  { text: "1 hour", seconds: 3_600 },
  { text: "8 hours", seconds: 28_800 },
  { text: "1 day", seconds: 86_400 },
  { text: "7 days", seconds: 604_800 },
  { text: "30 days", seconds: 2_592_000 },
];

/** The arguments that a rule can fix: the top-level members of an object. */
export function fixable(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** Rules exist only for tool calls of arguments alone, and only where more than "once" is offered. */
export function canHaveRule(question: ApprovalRequest): boolean {
  return question.operation === "call_tool" && !question.once_only && question.beside === undefined;
}

export function ruleSentence(question: ApprovalRequest, names: string[], fixed: string[], lasts: string): string {
  const start = `For ${lasts}, ${question.agent} may use ${question.name} on ${question.server} without approval`;
  return `${start}, ${reach(names, fixed)}. The rule ends sooner if the server changes the tool.`;
}

function reach(names: string[], fixed: string[]): string {
  const free = names.filter(name => !fixed.includes(name));
  if (names.length === 0) return "without arguments, as now";
  if (free.length === 0) return "with exactly these arguments";
  const anything = `${listed(free)} may be anything or absent`;
  const same =
    fixed.length === 0 ? "" : ` as long as ${listed(fixed)} ${fixed.length === 1 ? "stays" : "stay"} the same;`;
  return `${same} ${anything}, and there are no other arguments`.trim();
}
