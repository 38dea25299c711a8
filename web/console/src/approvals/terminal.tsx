/** The way to decide without a passkey: one command at a terminal. The PIN is never typed in a browser. */
import type { ApprovalRequest } from "../generated/contract.ts";
import { Command } from "../ui/parts.tsx";
import { Stakes } from "./facts.tsx";

interface Props {
  question: ApprovalRequest;
  onEnrol: () => void;
}

/** An id may start with a hyphen, which a command would read as an option. */
export function approveCommand(id: string): string {
  return `briefcase approve ${id.startsWith("-") ? "-- " : ""}${id}`;
}

export function AtTerminal({ question, onEnrol }: Props) {
  return (
    <div class="terminal">
      <Stakes question={question} />
      <p>
        <strong>No passkey is set up.</strong> Run this at a terminal; it shows the request, then asks for your PIN:
      </p>
      <Command>{approveCommand(question.id)}</Command>
      <p class="hint">
        To deny it, use <code>deny</code> in place of <code>approve</code>.
      </p>
      <button type="button" onClick={onEnrol}>
        Set up a passkey
      </button>
    </div>
  );
}
