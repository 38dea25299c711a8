/**
 * Quarantined tools: their definitions cannot be pinned safely, so no agent sees or calls them and nobody can accept
 * them.
 */
import type { ToolView } from "../generated/contract.ts";
import { Prose, UntrustedText } from "../ui/untrusted_text.tsx";

const SHOWN_MAX = 20;

export function Quarantined({ tools }: { tools: ToolView[] }) {
  const more = tools.length - SHOWN_MAX;
  return (
    <div class="changed quarantined">
      <h3>Quarantined: agents cannot see or call these tools, and they cannot be accepted</h3>
      <ul class="rows">
        {tools.slice(0, SHOWN_MAX).map((tool, place) => (
          <li key={place}>
            <p>
              <code>
                <UntrustedText text={tool.name} />
              </code>
              <small>
                <Prose text={tool.summary} />
              </small>
            </p>
          </li>
        ))}
      </ul>
      {more > 0 && <p>and {more.toLocaleString("en")} more</p>}
    </div>
  );
}
