/** The facts a person needs before a decision. */
import type { ApprovalRequest } from "../generated/contract.ts";
import { span, useNow } from "../ui/clock.ts";
import { Icon } from "../ui/icon.tsx";
import { Badge, Digest } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { classWord, labelWord, listed, riskWord } from "../words.ts";
import { requestSentence } from "./sentence.ts";

const SOON = 30_000;

export function Sentence({ question, id }: { question: ApprovalRequest; id: string }) {
  return (
    <h2 id={id} class="asks">
      {requestSentence(question).map((part, place) =>
        part.strong ? <b key={place}>{<UntrustedText text={part.text} />}</b> : part.text,
      )}
    </h2>
  );
}

/** The reasons for caution. They stand with the decisions, so that no decision is in view without them. */
export function Stakes({ question }: { question: ApprovalRequest }) {
  const risk = riskWord(question.risk);
  const warned = question.labels.includes("untrusted_content");
  if (question.risk !== "high" && question.cost === undefined && question.labels.length === 0) return null;
  return (
    <p class="stakes">
      {question.risk === "high" && (
        <Badge tone={risk.tone} icon={risk.icon}>
          {risk.text}
        </Badge>
      )}{" "}
      {question.cost !== undefined && <Badge tone="info">Costs {question.cost}</Badge>}{" "}
      {question.labels.length > 0 && (
        <span class="aware">
          This agent {listed(question.labels.map(labelWord))}.{warned && " Check for prompt injection."}
        </span>
      )}
    </p>
  );
}

/** The remaining time. Not a live region: an announcement every second would be noise. */
export function Expiry({ question }: { question: ApprovalRequest }) {
  const left = question.expires - useNow();
  return (
    <p class={left < SOON ? "expiry soon" : "expiry"}>
      <Icon name="clock" />
      {left > 0 ? <>expires in {span(left)}</> : "expired"}
    </p>
  );
}

export function Details({ question }: { question: ApprovalRequest }) {
  const [kind, risk] = [classWord(question.class), riskWord(question.risk)];
  return (
    <details class="details">
      <summary>Details</summary>
      <dl class="facts">
        <dt>Your setting</dt>
        <dd>
          {kind.text}, {risk.text.toLowerCase()}
        </dd>
        <dt>Required by</dt>
        <dd>
          {question.policies.length === 0 && "No policy allows it without approval."}
          {question.policies.map((policy, place) => (
            <span key={policy}>
              {place > 0 && ", "}policy <code>{<UntrustedText text={policy} />}</code>
            </span>
          ))}
        </dd>
        <dt>Session</dt>
        <dd>
          <code title={question.session}>{question.session.slice(0, 8)}</code>
          {question.cost === undefined && " · no cost"} · configuration revision {question.authority_version}
        </dd>
        <dt>Digest</dt>
        <dd>
          <Digest digest={question.digest} what="digest" /> covers everything on this card
        </dd>
      </dl>
    </details>
  );
}
