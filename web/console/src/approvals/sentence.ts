/** The request as the parts of one sentence. Strong parts are names; they are untrusted and shown safely. */
import type { ApprovalRequest } from "../generated/contract.ts";

export interface Part {
  text: string;
  strong?: true;
}

const strong = (text: string): Part => ({ text, strong: true });
const plain = (text: string): Part => ({ text });

/** Requests of an agent to a server. */
const AGENT_REQUESTS: Record<string, string> = {
  call_tool: " wants to use the tool ",
  read_resource: " wants to read the resource ",
  get_prompt: " wants to fetch the prompt ",
  complete: " wants completions for ",
};

/** Requests of a server to the agent's client. */
const SERVER_REQUESTS: Record<string, [string, string]> = {
  "sampling/createMessage": [" requests a completion from the model of ", ""],
  "roots/list": [" requests the folders of ", ""],
  "elicitation/create": [" requests your input through ", ""],
};

export function requestSentence(question: ApprovalRequest): Part[] {
  const serverRequest = SERVER_REQUESTS[question.operation];
  if (serverRequest)
    return [strong(question.server), plain(serverRequest[0]), strong(question.agent), plain(serverRequest[1])];
  const wants = AGENT_REQUESTS[question.operation] ?? ` wants ${question.operation} `;
  const own = question.own_name === undefined ? [] : [plain("(the server’s "), strong(question.own_name), plain(") ")];
  const name = question.name === "" ? [] : [strong(question.name), plain(" "), ...own];
  return [strong(question.agent), plain(wants), ...name, plain("of "), strong(question.server)];
}

export function sentence(question: ApprovalRequest): string {
  return requestSentence(question)
    .map(part => part.text)
    .join("");
}
