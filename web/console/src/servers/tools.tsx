/** The table of a server's accepted tools: the access you set, and the server's annotations. */
import type { DefinitionProblem, ToolView } from "../generated/contract.ts";
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
              <th scope="col">Access</th>
              <th scope="col">Risk</th>
              <th scope="col">Server annotations</th>
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
        <ToolName tool={tool} />
        {tool.always_asks && <Badge tone="warn">always asks</Badge>}
        {(tool.varying ?? []).length > 0 && <Badge tone="info">text varies</Badge>}
        {tool.cost !== undefined && <Badge tone="info">{tool.cost}</Badge>}
      </th>
      <td>{kind.text}</td>
      <td>
        <Badge tone={risk.tone} icon={risk.icon}>
          {risk.text}
        </Badge>
      </td>
      <td>
        <Annotations tool={tool} />
      </td>
    </tr>
  );
}

/** The tool's name here, with the server's own where that is another. */
export function ToolName({ tool }: { tool: ToolView }) {
  return (
    <>
      <code>
        <UntrustedText text={tool.name} />
      </code>
      {tool.own_name !== undefined && (
        <small>
          the server calls it “
          <UntrustedText text={tool.own_name} />”
        </small>
      )}
    </>
  );
}

/** The parts of a definition that are not checked, or that quarantine the tool. */
export function Unchecked({ tool }: { tool: ToolView }) {
  return (
    <>
      {(tool.unchecked ?? []).map((part, place) => (
        <small key={place} class="flags">
          not checked: <UntrustedText text={uncheckedPart(part)} />
        </small>
      ))}
    </>
  );
}

function uncheckedPart({ path, value, reason }: DefinitionProblem): string {
  const place = path === "" ? "the definition" : path;
  return value === "" ? `${place}: ${reason}` : `${place} is ${value}: ${reason}`;
}

/** The server's description of a tool, and warnings about it. */
export function Annotations({ tool }: { tool: ToolView }) {
  return (
    <>
      <UntrustedText text={tool.summary} />
      {tool.hints.length > 0 && <small>annotations: {listed(tool.hints)}</small>}
      {tool.flags.length > 0 && (
        <small class="flags">
          warnings: <UntrustedText text={listed(tool.flags.map(flagWord))} />
        </small>
      )}
      <Unchecked tool={tool} />
    </>
  );
}
