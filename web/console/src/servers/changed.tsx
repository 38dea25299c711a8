/** Tools that differ from the accepted definitions: the differences, and their acceptance. */
import { useMemo } from "preact/hooks";
import { lines } from "../args/lines.ts";
import { LineView } from "../args/view.tsx";
import type { Change, FieldDifference, ToolView } from "../generated/contract.ts";
import { notEnter } from "../ui/dialog.tsx";
import { Badge } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { Annotations, ToolName } from "./tools.tsx";

interface Props {
  server: string;
  tools: ToolView[];
  /** The digest of the probe: only its definitions can be accepted. */
  probe: string;
  passkeys: boolean;
  onPlan: (planned: { title: string; verb: string; change: Change }) => void;
}

const STATES: Record<string, string> = { changed: "Changed", new: "New", gone: "Removed" };

export function Changed({ server, tools, probe, passkeys, onPlan }: Props) {
  // An empty list means all tools, the only way to accept removed tools.
  const names = tools.some(tool => tool.state === "gone") ? [] : tools.map(tool => tool.name);
  const accept = (changing: boolean) => () =>
    onPlan({
      title: changing ? `Accept that ${server} changes its text` : `Accept ${server} as shown`,
      verb: "Accept",
      change: { change: "accept_tools", server, probe, tools: names, ...(changing && { changing }) },
    });
  const changes = tools.some(tool => (tool.between_looks ?? []).length > 0);
  return (
    <div class="changed">
      <h3>Blocked until you accept</h3>
      {tools.map(tool => (
        <div key={tool.name} class="diff">
          <p class="badges">
            <Badge tone="warn" icon="alert">
              {STATES[tool.state] ?? tool.state}
            </Badge>
            <ToolName tool={tool} />
          </p>
          <p>
            <Annotations tool={tool} />
          </p>
          {tool.differences.map(difference => (
            <DifferenceView key={difference.path} difference={difference} />
          ))}
          {(tool.between_looks ?? []).length > 0 && <p>Between two looks at the server:</p>}
          {(tool.between_looks ?? []).map(difference => (
            <DifferenceView key={`again ${difference.path}`} difference={difference} />
          ))}
        </div>
      ))}
      <button type="button" disabled={!passkeys} onKeyDown={notEnter} onClick={accept(false)}>
        Accept as shown…
      </button>
      {changes && (
        <button type="button" disabled={!passkeys} onKeyDown={notEnter} onClick={accept(true)}>
          Accept that its text changes…
        </button>
      )}
    </div>
  );
}

function DifferenceView({ difference }: { difference: FieldDifference }) {
  return (
    <div class="difference">
      <code class="path">
        <UntrustedText text={difference.path === "" ? "(whole definition)" : difference.path} />
      </code>
      {difference.old !== undefined && <Side kind="del" text={difference.old} />}
      {difference.new !== undefined && <Side kind="ins" text={difference.new} />}
    </div>
  );
}

/** Old and new are marked by element, sign and word; colour is additional. */
function Side({ kind, text }: { kind: "del" | "ins"; text: string }) {
  const all = useMemo(() => read(text), [text]);
  const Tag = kind;
  return (
    <Tag>
      <span class="sign">{kind === "del" ? "− old" : "+ new"}</span>
      <span class="json">
        {all ? all.map((line, place) => <LineView key={place} line={line} />) : <UntrustedText text={text} />}
      </span>
    </Tag>
  );
}

function read(text: string) {
  try {
    return lines(JSON.parse(text));
  } catch {
    return undefined;
  }
}
