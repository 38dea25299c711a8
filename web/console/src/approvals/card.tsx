/** One approval request: the agent, the exact arguments, and the decisions. */
import { useId, useRef, useState } from "preact/hooks";
import { Arguments, type Reading } from "../args/view.tsx";
import type { ApprovalRequest, Decided, Decision } from "../generated/contract.ts";
import { asProblem, type Problem } from "../session/client.ts";
import { decide } from "../session/evidence.ts";
import { useNow } from "../ui/clock.ts";
import { ProblemNote } from "../ui/parts.tsx";
import { Actions } from "./actions.tsx";
import { blockedReason, denyBlockedReason } from "./blocked.ts";
import { CLICK_DELAY, CLICK_DELAY_HIGH, useClickDelay } from "./click_delay.ts";
import { Badges, Expiry, Facts, Sentence } from "./facts.tsx";
import { RuleDialog } from "./rule_dialog.tsx";
import { useVisible } from "./visibility.ts";

interface Props {
  question: ApprovalRequest;
  passkeys: boolean;
  /** Changes with the list of requests: the element under the pointer may have moved. */
  arrangement: string;
  onDecided: (question: ApprovalRequest, decided: Decided) => void;
  /** True while another card is being decided. */
  taken: boolean;
  onBusy: (busy: boolean) => void;
}

const UNREAD: Reading = { done: false, missing: "Read everything first." };
const READ: Reading = { done: true, missing: "" };

export function Card(props: Props) {
  const { question } = props;
  const id = useId();
  const actions = useRef<HTMLDivElement>(null);
  const [reading, setReading] = useState(UNREAD);
  const [beside, setBeside] = useState(question.beside === undefined ? READ : UNREAD);
  const [rule, setRule] = useState(false);
  const { busy, problem, answer } = useAnswer(props);
  const visible = useVisible(actions);
  const clickable = useClickDelay(
    question.risk === "high" ? CLICK_DELAY_HIGH : CLICK_DELAY,
    `${props.arrangement} ${visible}`,
  );
  const known = {
    reading: reading.done ? beside : reading,
    visible: visible || rule,
    clickable,
    busy: busy || props.taken,
    expired: useNow() >= question.expires,
    passkeys: props.passkeys,
  };
  const blocked = blockedReason(known);
  return (
    <article class={`card risk-${question.risk}`} aria-labelledby={id} tabIndex={-1} data-question={question.id}>
      <header>
        <Sentence question={question} id={id} />
        <Expiry question={question} />
      </header>
      <Badges question={question} />
      <Facts question={question} />
      <h3>Arguments</h3>
      <Arguments text={question.arguments} label="Arguments" onReading={setReading} />
      {question.beside !== undefined && <Beside text={question.beside} onReading={setBeside} />}
      <ProblemNote problem={problem} />
      <div class="actions" ref={actions} role="group" aria-label="Your decision">
        <Actions
          question={question}
          blocked={blocked}
          denyBlocked={denyBlockedReason(known)}
          onDecide={answer}
          onRule={() => setRule(true)}
        />
      </div>
      <p class="hint" role="status">
        {blocked || (question.once_only ? "Your policy requires approval of each call." : "")}
      </p>
      {rule && (
        <RuleDialog
          question={question}
          onClose={() => setRule(false)}
          onDecide={decision => {
            setRule(false);
            answer(decision);
          }}
        />
      )}
    </article>
  );
}

/** The members that are sent beside the arguments, such as `_meta` and `task`. */
function Beside(props: { text: string; onReading: (reading: Reading) => void }) {
  return (
    <>
      <h3>Sent beside the arguments</h3>
      <Arguments text={props.text} label="Sent beside the arguments" onReading={props.onReading} />
    </>
  );
}

function useAnswer({ question, onDecided, onBusy }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const turn = (now: boolean) => {
    setBusy(now);
    onBusy(now);
  };
  const answer = (decision: Decision) => {
    setProblem(undefined);
    turn(true);
    decide(question, decision)
      .then(decided => onDecided(question, decided))
      .catch(reason => setProblem(asProblem(reason)))
      .finally(() => turn(false));
  };
  return { busy, problem, answer };
}
