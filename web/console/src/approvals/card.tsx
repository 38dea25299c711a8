/** One approval request: the agent, the exact arguments, and the decisions. */
import type { RefObject } from "preact";
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
import { Details, Expiry, Sentence, Stakes } from "./facts.tsx";
import { RuleDialog } from "./rule_dialog.tsx";
import { AtTerminal } from "./terminal.tsx";
import { useVisible } from "./visibility.ts";

interface Props {
  question: ApprovalRequest;
  /** True if a passkey is enrolled; `undefined` until that is known. */
  passkeys: boolean | undefined;
  /** Starts the enrolment of a passkey. */
  onEnrol: () => void;
  /** Changes with the list of requests: the element under the pointer may have moved. */
  arrangement: string;
  onDecided: (question: ApprovalRequest, decided: Decided) => void;
  /** True while another card is being decided. */
  taken: boolean;
  onBusy: (busy: boolean) => void;
}

/** Shown until the arguments were measured. */
const UNREAD: Reading = { done: false, missing: "Read everything first." };
const READ: Reading = { done: true, missing: "" };

export function Card(props: Props) {
  const { question } = props;
  const [id, reason] = [useId(), useId()];
  const actions = useRef<HTMLDivElement>(null);
  const [reading, setReading] = useState(UNREAD);
  const [beside, setBeside] = useState(question.beside === undefined ? READ : UNREAD);
  const [rule, setRule] = useState(false);
  const [more, setMore] = useState(false);
  const { busy, problem, answer } = useAnswer(props);
  const known = {
    ...useAttention(question.risk, `${props.arrangement} ${more}`, actions, rule),
    reading: reading.done ? beside : reading,
    busy: busy || props.taken,
    expired: useNow() >= question.expires,
    passkeys: props.passkeys === true,
  };
  const blocked = blockedReason(known);
  return (
    <article class={`card risk-${question.risk}`} aria-labelledby={id} tabIndex={-1} data-question={question.id}>
      <header>
        <Sentence question={question} id={id} />
        <Expiry question={question} />
      </header>
      <div class="decide">
        <h3>Arguments</h3>
        <Arguments text={question.arguments} label="Arguments" onReading={setReading} />
        {question.beside !== undefined && <Beside text={question.beside} onReading={setBeside} />}
        <ProblemNote problem={problem} />
        {props.passkeys === false && <AtTerminal question={question} onEnrol={props.onEnrol} />}
        <div class="actions" ref={actions} role="group" aria-label="Your decision" hidden={props.passkeys === false}>
          <Stakes question={question} />
          <Actions
            question={question}
            blocked={blocked}
            denyBlocked={denyBlockedReason(known)}
            reason={reason}
            more={more}
            onMore={() => setMore(!more)}
            onDecide={answer}
            onRule={() => setRule(true)}
          />
          <p class="hint" role="status" id={reason}>
            {blocked?.full ?? (question.once_only ? "Your policy requires approval of each call." : "")}
          </p>
        </div>
      </div>
      <Details question={question} />
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

/** Whether a person can see the buttons, and had the time to see them where they are now. */
function useAttention(risk: string, arrangement: string, actions: RefObject<HTMLDivElement | null>, dialog: boolean) {
  const visible = useVisible(actions);
  const delay = risk === "high" ? CLICK_DELAY_HIGH : CLICK_DELAY;
  return { visible: visible || dialog, clickable: useClickDelay(delay, `${arrangement} ${visible}`) };
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
