/** A server's accepted tools as a table: what you said of each, and what the server claims. */
import type { ToolView } from "../contract.ts";
import { Badge } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { classWord, counted, flagWord, listed, riskWord } from "../words.ts";

const OPEN_MAX = 12;

export function Tools({ tools, label }: { tools: ToolView[]; label: string }) {
  if (tools.length === 0) return null;
  return (
    <details open={tools.length <= OPEN_MAX}>
      <summary>{counted(tools.length, "tool")}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <table class="tools">
          <thead>
            <tr>
              <th scope="col">Tool</th>
              <th scope="col">You said</th>
              <th scope="col">Risk</th>
              <th scope="col">The server says</th>
            </tr>
          </thead>
          <tbody>
            {tools.map(tool => (
              <ToolRow key={tool.name} tool={tool} />
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function ToolRow({ tool }: { tool: ToolView }) {
  const [kind, risk] = [classWord(tool.class), riskWord(tool.risk)];
  return (
    <tr>
      <th scope="row">
        <code>
          <UntrustedText text={tool.name} />
        </code>
        {tool.cost !== undefined && <Badge tone="info">{tool.cost}</Badge>}
      </th>
      <td>{kind.text}</td>
      <td>
        <Badge tone={risk.tone} icon={risk.icon}>
          {risk.text}
        </Badge>
      </td>
      <td>
        <Claims tool={tool} />
      </td>
    </tr>
  );
}

/** What the server says of a tool, and what is odd about that. */
export function Claims({ tool }: { tool: ToolView }) {
  return (
    <>
      <UntrustedText text={tool.summary} />
      {tool.hints.length > 0 && <small>claims {listed(tool.hints)}</small>}
      {tool.flags.length > 0 && (
        <small class="flags">
          odd: <UntrustedText text={listed(tool.flags.map(flagWord))} />
        </small>
      )}
    </>
  );
}
