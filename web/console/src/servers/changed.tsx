/** Tools that are not as accepted: what is different, and accepting exactly what a fresh look showed. */
import { useMemo } from "preact/hooks";
import { lines } from "../args/lines.ts";
import { LineView } from "../args/view.tsx";
import type { Change, FieldDifference, Probe, ToolView } from "../contract.ts";
import { notEnter } from "../ui/dialog.tsx";
import { Badge } from "../ui/parts.tsx";
import { Safe } from "../ui/safe.tsx";
import { counted } from "../words.ts";

interface Props {
  server: string;
  tools: ToolView[];
  probe: Probe | undefined;
  passkeys: boolean;
  onTest: () => void;
  onPlan: (planned: { title: string; verb: string; change: Change }) => void;
}

const STATES: Record<string, string> = { changed: "Changed", new: "New", gone: "Gone" };

export function Changed({ server, tools, probe, passkeys, onTest, onPlan }: Props) {
  const names = tools.filter(tool => tool.state !== "gone").map(tool => tool.name);
  const accept = (digest: string) =>
    onPlan({
      title: `Accept ${counted(names.length, "tool")} of ${server}`,
      verb: "Accept",
      change: { change: "accept_tools", server, probe: digest, tools: names },
    });
  return (
    <div class="changed">
      <h3>Held back until you accept</h3>
      {tools.map(tool => (
        <div key={tool.name} class="diff">
          <p>
            <Badge tone="warn" icon="alert">
              {STATES[tool.state] ?? tool.state}
            </Badge>{" "}
            <code>
              <Safe text={tool.name} />
            </code>
          </p>
          {tool.differences.map(difference => (
            <DifferenceView key={difference.path} difference={difference} />
          ))}
        </div>
      ))}
      {probe ? (
        <button
          type="button"
          disabled={!passkeys || names.length === 0}
          onKeyDown={notEnter}
          onClick={() => accept(probe.digest)}
        >
          Accept {counted(names.length, "tool")} as shown…
        </button>
      ) : (
        <p class="hint">
          To accept, look at what the server offers right now:{" "}
          <button type="button" onClick={onTest}>
            Look again
          </button>
        </p>
      )}
    </div>
  );
}

function DifferenceView({ difference }: { difference: FieldDifference }) {
  return (
    <div class="difference">
      <code class="path">
        <Safe text={difference.path === "" ? "(the whole)" : difference.path} />
      </code>
      {difference.old !== undefined && <Side kind="del" text={difference.old} />}
      {difference.new !== undefined && <Side kind="ins" text={difference.new} />}
    </div>
  );
}

/** Before and after are marked by element, sign and word; colour only adds to it. */
function Side({ kind, text }: { kind: "del" | "ins"; text: string }) {
  const all = useMemo(() => read(text), [text]);
  const Tag = kind;
  return (
    <Tag>
      <span class="sign">{kind === "del" ? "− was" : "+ is"}</span>
      <span class="json">
        {all ? all.map((line, place) => <LineView key={place} line={line} />) : <Safe text={text} />}
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
