/** Who wants what, as parts of one sentence. Strong parts are names; they come from outside and are shown safely. */
import type { Question } from "../contract.ts";

export interface Said {
  text: string;
  strong?: true;
}

const strong = (text: string): Said => ({ text, strong: true });
const said = (text: string): Said => ({ text });

/** An agent at a server. */
const OUTWARD: Record<string, string> = {
  call_tool: " wants to use the tool ",
  read_resource: " wants to read the resource ",
  get_prompt: " wants to fetch the prompt ",
  complete: " wants completions for ",
};

/** A server at the agent's side. */
const INWARD: Record<string, [string, string]> = {
  "sampling/createMessage": [" wants the model of ", " to write something"],
  "roots/list": [" wants to know which folders ", " works in"],
  "elicitation/create": [" wants to ask you something through ", ""],
};

export function asks(question: Question): Said[] {
  const inward = INWARD[question.operation];
  if (inward) return [strong(question.server), said(inward[0]), strong(question.agent), said(inward[1])];
  const wants = OUTWARD[question.operation] ?? ` wants ${question.operation} `;
  const name = question.name === "" ? [] : [strong(question.name), said(" ")];
  return [strong(question.agent), said(wants), ...name, said("of "), strong(question.server)];
}

export function sentence(question: Question): string {
  return asks(question)
    .map(part => part.text)
    .join("");
}
