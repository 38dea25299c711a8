/** The active policy, its check, and the saved approvals. */
import { useEffect, useState } from "preact/hooks";
import type { PolicyReport, PolicyText } from "../generated/contract.ts";
import { asProblem, type Problem, post } from "../session/client.ts";
import { useLoad } from "../ui/load.ts";
import { Badge, Command, Copy, PageHead, ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { counted } from "../words.ts";
import { words } from "./cedar.ts";
import { Grants } from "./grants.tsx";

export function PolicyPage() {
  const policy = useLoad<PolicyText>("/v1/policy", "authority");
  return (
    <>
      <PageHead title="Policy">
        The calls that are allowed, need approval, or are denied. Edit it at a terminal:{" "}
        <Command>briefcase policy edit</Command>
      </PageHead>
      <ProblemNote problem={policy.problem} />
      <Grants />
      {policy.data && (
        <>
          <Report text={policy.data.text} />
          <Source label="Policy" text={policy.data.text} />
          {policy.data.schema !== undefined && (
            <details>
              <summary>Schema</summary>
              <Source label="Schema" text={policy.data.schema} />
            </details>
          )}
        </>
      )}
    </>
  );
}

function Source({ label, text }: { label: string; text: string }) {
  return (
    <section class="card source" aria-label={label}>
      <header>
        <h2>{label}</h2>
        <div class="tail">
          <Copy text={text} what={label.toLowerCase()} />
        </div>
      </header>
      <pre tabIndex={0} role="region" aria-label={`${label} text`}>
        {words(text).map((word, place) =>
          word.kind === "plain" ? (
            word.text
          ) : (
            <span key={place} class={`c-${word.kind}`}>
              {word.text}
            </span>
          ),
        )}
      </pre>
    </section>
  );
}

function Report({ text }: { text: string }) {
  const [report, setReport] = useState<PolicyReport>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    post<PolicyReport>("/v1/policy/check", { text }).then(setReport, reason => setProblem(asProblem(reason)));
  }, [text]);
  if (!report) return <ProblemNote problem={problem} />;
  return (
    <section class="card" aria-label="Check">
      <header>
        <h2>Check</h2>
        <Badge tone={report.ok ? "good" : "bad"} icon={report.ok ? "check" : "alert"}>
          {report.ok ? "Valid" : counted(report.problems.length, "problem")}
        </Badge>
      </header>
      {report.problems.length > 0 && <Lines lines={report.problems} />}
      <p>
        {counted(report.policies.length, "policy", "policies")}:{" "}
        {report.policies.map((id, place) => (
          <span key={id}>
            {place > 0 && ", "}
            <code>
              <UntrustedText text={id} />
            </code>
          </span>
        ))}
      </p>
      {report.replay.length > 0 && <Lines lines={report.replay} />}
    </section>
  );
}

function Lines({ lines }: { lines: string[] }) {
  return (
    <ul>
      {lines.map((line, place) => (
        <li key={place}>
          <UntrustedText text={line} />
        </li>
      ))}
    </ul>
  );
}
