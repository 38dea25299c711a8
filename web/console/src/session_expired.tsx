/** The page without a session: it contains no data and explains how to open a new session, or to decide without one. */
import { approveCommand } from "./approvals/terminal.tsx";
import { Icon } from "./ui/icon.tsx";
import { Command } from "./ui/parts.tsx";

export function SessionExpired({ reason, request }: { reason: string; request: string | undefined }) {
  return (
    <main class="ended">
      <Icon name="key" />
      <h1>No session</h1>
      <p>{reason}</p>
      <p>To open one, run at a terminal:</p>
      <p>
        <Command>briefcase console</Command>
      </p>
      {request !== undefined && (
        <>
          <p>Or decide on this request at the terminal, with your PIN:</p>
          <p>
            <Command>{approveCommand(request)}</Command>
          </p>
        </>
      )}
    </main>
  );
}
