/** The protection of this installation, its authentication methods, and its agents. */
import type { AgentView, Check, FactorView } from "../generated/contract.ts";
import { moment } from "../ui/clock.ts";
import { Icon } from "../ui/icon.tsx";
import { useLoad } from "../ui/load.ts";
import { Badge, Command, PageHead, ProblemNote, type Tone } from "../ui/parts.tsx";
import { Prose, UntrustedText } from "../ui/untrusted_text.tsx";
import { counted, labelWord, listed, plainWord } from "../words.ts";
import { Enrol } from "./enrol.tsx";

export function SecurityPage({ enrol }: { enrol: boolean }) {
  const factors = useLoad<FactorView[]>("/v1/factors", "authority");
  return (
    <>
      <PageHead title="Security">The protection of this installation, and possible improvements.</PageHead>
      <Factors factors={factors.data} />
      <ProblemNote problem={factors.problem} />
      {factors.data && <Enrol factors={factors.data} asked={enrol} reload={factors.reload} />}
      <Agents />
      <Checks />
    </>
  );
}

function Factors({ factors }: { factors: FactorView[] | undefined }) {
  return (
    <section class="card" aria-label="Authentication methods">
      <header>
        <h2>Authentication methods</h2>
      </header>
      <ul class="rows">
        {factors?.map(factor => (
          <li key={factor.id}>
            <p>
              <Icon name="key" /> <b>{factor.kind === "pin" ? "PIN, at a terminal" : "Passkey"}</b>{" "}
              {factor.label !== "" && <UntrustedText text={`“${factor.label}”`} />}
              <small>since {moment(factor.created)}</small>
            </p>
          </li>
        ))}
      </ul>
      <p class="hint">
        Remove a method at a terminal: <Command>briefcase factor remove</Command>
      </p>
    </section>
  );
}

function Agents() {
  const agents = useLoad<AgentView[]>("/v1/agents", "authority");
  return (
    <section class="card" aria-label="Agents">
      <header>
        <h2>Agents</h2>
      </header>
      <ProblemNote problem={agents.problem} />
      {agents.data?.length === 0 && (
        <p>
          No agents yet. At a terminal: <Command>briefcase agent add</Command>
        </p>
      )}
      <ul class="rows">
        {agents.data?.map(agent => (
          <li key={agent.name}>
            <p>
              <b>{agent.name}</b> {counted(agent.sessions, "session")}
              {agent.labels.length > 0 && <span class="aware">{listed(agent.labels.map(labelWord))}</span>}
              <small>since {moment(agent.created)}</small>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

const SEVERITIES: Record<Check["severity"], { tone: Tone; text: string; icon: "check" | "alert" | "cross" }> = {
  ok: { tone: "good", text: "OK", icon: "check" },
  warn: { tone: "warn", text: "Warning", icon: "alert" },
  fail: { tone: "bad", text: "Failed", icon: "cross" },
};

function Checks() {
  const checks = useLoad<Check[]>("/v1/doctor");
  const order = ["fail", "warn", "ok"];
  const sorted = [...(checks.data ?? [])].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  return (
    <section class="card" aria-label="Security check">
      <header>
        <h2>Security check</h2>
      </header>
      <ProblemNote problem={checks.problem} />
      <ul class="rows checks">
        {sorted.map(check => (
          <li key={check.name}>
            <Badge tone={SEVERITIES[check.severity].tone} icon={SEVERITIES[check.severity].icon}>
              {SEVERITIES[check.severity].text}
            </Badge>
            <p>
              <Prose text={check.message} /> <span class="name">{plainWord(check.name)}</span>
              {check.next_step !== undefined && (
                <small>
                  <Prose text={check.next_step} />
                </small>
              )}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
