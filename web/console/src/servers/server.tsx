/** One server: how it is reached, its tools, and what can be done about it here. */
import { useState } from "preact/hooks";
import { ChangeDialog } from "../changes/dialog.tsx";
import type { Change, Probe, ServerSpec, ServerView, ToolView } from "../contract.ts";
import { asProblem, type Problem, post } from "../session/client.ts";
import { Badge, ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { counted } from "../words.ts";
import { Changed } from "./changed.tsx";
import { Quarantined } from "./quarantined.tsx";
import { Tools } from "./tools.tsx";

interface Props {
  server: ServerView;
  tools: ToolView[];
  passkeys: boolean;
  onDone: (text: string) => void;
}

const DIFFERING = new Set(["changed", "new", "gone"]);

interface Planned {
  title: string;
  verb: string;
  change: Change;
}

export function ServerSection({ server, tools, passkeys, onDone }: Props) {
  const { probe, problem, busy, test, forget } = useTest(server.name);
  const [planned, setPlanned] = useState<Planned>();
  const differing = probe?.tools.filter(tool => DIFFERING.has(tool.state)) ?? [];
  const quarantined = probe?.tools.filter(tool => tool.state === "quarantined") ?? [];
  const verb = server.enabled ? "Turn off" : "Turn on";
  const turn = (): void =>
    setPlanned({
      title: `${verb} ${server.name}`,
      verb,
      change: { change: "enable_server", name: server.name, enabled: !server.enabled },
    });
  return (
    <section class="card server" aria-label={server.name}>
      <header>
        <Standing server={server} differing={differing.length} quarantined={quarantined.length} />
        <div class="tail">
          <button type="button" disabled={busy} onClick={test}>
            {busy ? "Testing…" : "Test"}
          </button>
          <button type="button" disabled={!passkeys} title={passkeys ? "" : "Takes a passkey"} onClick={turn}>
            {verb}
          </button>
        </div>
      </header>
      <Reach server={server} />
      <ProblemNote problem={problem} />
      {probe && <Tested probe={probe} />}
      {probe && differing.length > 0 && (
        <Changed server={server.name} tools={differing} probe={probe.digest} passkeys={passkeys} onPlan={setPlanned} />
      )}
      {quarantined.length > 0 && <Quarantined tools={quarantined} />}
      <Tools tools={tools} label={`Tools of ${server.name}`} />
      {planned && (
        <ChangeDialog
          {...planned}
          onClose={() => setPlanned(undefined)}
          onDone={applied => {
            setPlanned(undefined);
            // What the look showed is not how things stand any more.
            forget();
            onDone(`${planned.title}: done, receipt ${applied.receipt}.`);
          }}
        />
      )}
    </section>
  );
}

function Standing(props: { server: ServerView; differing: number; quarantined: number }) {
  const { server, differing, quarantined } = props;
  return (
    <>
      <h2>{server.name}</h2>
      <Badge tone={server.enabled ? "good" : "plain"} icon={server.enabled ? "check" : "cross"}>
        {server.enabled ? "On" : "Off"}
      </Badge>
      {differing > 0 && (
        <Badge tone="warn" icon="alert">
          {counted(differing, "tool")} not as accepted
        </Badge>
      )}
      {quarantined > 0 && (
        <Badge tone="bad" icon="cross">
          {counted(quarantined, "tool")} quarantined
        </Badge>
      )}
    </>
  );
}

function useTest(name: string) {
  const [probe, setProbe] = useState<Probe>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const test = () => {
    setBusy(true);
    setProblem(undefined);
    post<Probe>(`/v1/servers/${encodeURIComponent(name)}/test`)
      .then(setProbe, reason => setProblem(asProblem(reason)))
      .finally(() => setBusy(false));
  };
  return { probe, problem, busy, test, forget: () => setProbe(undefined) };
}

function Reach({ server }: { server: ServerView }) {
  return (
    <dl class="facts">
      <dt>Reached by</dt>
      <dd>
        <code class="reach">
          <UntrustedText text={reach(server.spec)} />
        </code>
      </dd>
      <Secrets spec={server.spec} />
      <dt>Now</dt>
      <dd>
        {counted(server.connections, "live connection")} · {counted(server.tools, "accepted tool")} · resources and
        prompts {server.reads_granted ? "are read without asking" : "ask first"}
      </dd>
    </dl>
  );
}

/** The exact command, each argument as JSON where it could be misread. */
function reach(spec: ServerSpec): string {
  if (spec.transport === "http") return spec.url;
  return spec.argv.map(one => (/^[\w@%+=:,./-]+$/.test(one) ? one : JSON.stringify(one))).join(" ");
}

function Secrets({ spec }: { spec: ServerSpec }) {
  const names =
    spec.transport === "http"
      ? (spec.headers ?? []).flatMap(header =>
          header.secret === undefined ? [] : [`${header.secret} in ${header.name}`],
        )
      : Object.entries(spec.secret_env ?? {}).map(([variable, secret]) => `${secret} in ${variable}`);
  if (names.length === 0) return null;
  return (
    <>
      <dt>Secrets</dt>
      <dd>{names.join(", ")} (by name; their values never leave the vault for a page)</dd>
    </>
  );
}

function Tested({ probe }: { probe: Probe }) {
  return (
    <p class="done" role="status">
      <span>
        Answered in {probe.took_ms} ms with MCP {probe.protocol}. It calls itself “
        <UntrustedText text={probe.calls_itself} />” and offers {counted(probe.tools.length, "tool")},{" "}
        {counted(probe.resources, "resource")} and {counted(probe.prompts, "prompt")}.
      </span>
    </p>
  );
}
