/** The page without a session: it contains no data and explains how to open a new session. */
import { Icon } from "./ui/icon.tsx";
import { Command } from "./ui/parts.tsx";

export function SessionExpired({ reason }: { reason: string }) {
  return (
    <main class="ended">
      <Icon name="key" />
      <h1>Session expired</h1>
      <p>{reason}</p>
      <p>To open a new session, run at a terminal:</p>
      <p>
        <Command>briefcase console</Command>
      </p>
    </main>
  );
}
