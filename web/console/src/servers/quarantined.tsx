/** Tools with a definition that cannot be pinned safely: no agent sees them, nothing calls them, nobody can accept them. */
import type { ToolView } from "../contract.ts";
import { Prose, Safe } from "../ui/safe.tsx";

const SHOWN_MOST = 20;

export function Quarantined({ tools }: { tools: ToolView[] }) {
  const more = tools.length - SHOWN_MOST;
  return (
    <div class="changed quarantined">
      <h3>Quarantined: no agent can see or call these, and they cannot be accepted</h3>
      <ul class="rows">
        {tools.slice(0, SHOWN_MOST).map((tool, place) => (
          <li key={place}>
            <p>
              <code>
                <Safe text={tool.name} />
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
