/** One server: its connection, its tools, and its actions. */
import { useState } from "preact/hooks";
import { ChangeDialog } from "../changes/dialog.tsx";
import type { Change, Probe, ServerSpec, ServerView, ToolView } from "../generated/contract.ts";
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
  const verb = server.enabled ? "Disable" : "Enable";
  const turn = (): void =>
    setPlanned({
      title: `${verb} ${server.name}`,
      verb,
      change: { change: "enable_server", name: server.name, enabled: !server.enabled },
    });
  return (
    <section class="card server" aria-label={server.name}>
      <header>
        <ServerStatus server={server} differing={differing.length} quarantined={quarantined.length} />
        <div class="tail">
          <button type="button" disabled={busy} onClick={test}>
            {busy ? "Testing…" : "Test"}
          </button>
          <button type="button" disabled={!passkeys} title={passkeys ? "" : "Requires a passkey"} onClick={turn}>
            {verb}
          </button>
        </div>
      </header>
      <Endpoint server={server} />
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
            // The probe is outdated after the change.
            forget();
            onDone(`${planned.title}: done, receipt ${applied.receipt}.`);
          }}
        />
      )}
    </section>
  );
}

function ServerStatus(props: { server: ServerView; differing: number; quarantined: number }) {
  const { server, differing, quarantined } = props;
  return (
    <>
      <h2>{server.name}</h2>
      <Badge tone={server.enabled ? "good" : "plain"} icon={server.enabled ? "check" : "cross"}>
        {server.enabled ? "Enabled" : "Disabled"}
      </Badge>
      {differing > 0 && (
        <Badge tone="warn" icon="alert">
          {counted(differing, "tool")} changed since acceptance
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

function Endpoint({ server }: { server: ServerView }) {
  return (
    <dl class="facts">
      <dt>{server.spec.transport === "http" ? "URL" : "Command"}</dt>
      <dd>
        <code class="reach">
          <UntrustedText text={endpoint(server.spec)} />
        </code>
      </dd>
      <Secrets spec={server.spec} />
      <dt>Status</dt>
      <dd>
        {counted(server.connections, "active connection")} · {counted(server.tools, "accepted tool")} · resources and
        prompts {server.reads_granted ? "can be read without approval" : "require approval"}
      </dd>
    </dl>
  );
}

/** Returns the exact command, with ambiguous arguments as JSON. */
function endpoint(spec: ServerSpec): string {
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
      <dd>{names.join(", ")} (names only; the values never reach this page)</dd>
    </>
  );
}

function Tested({ probe }: { probe: Probe }) {
  return (
    <p class="done" role="status">
      <span>
        Answered in {probe.took_ms} ms with MCP {probe.protocol}. Its name is “
        <UntrustedText text={probe.calls_itself} />” and offers {counted(probe.tools.length, "tool")},{" "}
        {counted(probe.resources, "resource")} and {counted(probe.prompts, "prompt")}.
      </span>
    </p>
  );
}
