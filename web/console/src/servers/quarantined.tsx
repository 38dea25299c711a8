/**
 * Quarantined tools: they cannot be named or read in one way, so no agent sees or calls them and nobody can accept
 * them.
 */
import type { ToolView } from "../generated/contract.ts";
import { Prose, UntrustedText } from "../ui/untrusted_text.tsx";
import { Unchecked } from "./tools.tsx";

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
              <Unchecked tool={tool} />
              {tool.next_step !== undefined && <small>{tool.next_step}</small>}
            </p>
          </li>
        ))}
      </ul>
      {more > 0 && <p>and {more.toLocaleString("en")} more</p>}
    </div>
  );
}
