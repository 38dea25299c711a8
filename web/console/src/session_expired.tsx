/** What a page without a session shows. It holds nothing, and says how to get a new one. */
import { Icon } from "./ui/icon.tsx";
import { Command } from "./ui/parts.tsx";

export function SessionExpired({ reason }: { reason: string }) {
  return (
    <main class="ended">
      <Icon name="key" />
      <h1>This page has no session</h1>
      <p>{reason}</p>
      <p>At a terminal, run this to open it again:</p>
      <p>
        <Command>briefcase console</Command>
      </p>
    </main>
  );
}
