/** Pending approval requests, oldest first: a new request never moves the one being read. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApprovalRequest, Decided, FactorView } from "../generated/contract.ts";
import { Enrol } from "../security/enrol.tsx";
import { address, go } from "../session/route.ts";
import { Icon } from "../ui/icon.tsx";
import { type Loaded, useLoad } from "../ui/load.ts";
import { Command, Empty, PageHead, ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { counted } from "../words.ts";
import { Card } from "./card.tsx";
import { sentence } from "./sentence.ts";
import { useShortcuts } from "./shortcuts.ts";

interface Notice {
  text: string;
  receipt?: string;
}

interface Props {
  approvals: Loaded<ApprovalRequest[]>;
  /** The request that the address names. */
  request: string | undefined;
}

export function ApprovalsPage({ approvals, request }: Props) {
  useShortcuts();
  useArrivalAt(request, approvals.data !== undefined);
  const factors = useLoad<FactorView[]>("/v1/factors", "authority");
  const [notice, setNotice] = useState<Notice>();
  const [busy, setBusy] = useState<string>();
  const questions = [...(approvals.data ?? [])].sort((a, b) => a.asked - b.asked);
  const [enrolling, setEnrolling] = useState(false);
  const passkeys = factors.data?.some(factor => factor.kind === "passkey");
  const decided = (question: ApprovalRequest, result: Decided) => {
    setNotice({
      text: `${result.decision === "denied" ? "Denied" : "Allowed"}: ${sentence(question)}.`,
      receipt: result.receipt,
    });
    void approvals.reload();
  };
  return (
    <>
      <PageHead title="Approvals">Approve or deny the requests of your agents.</PageHead>
      <ProblemNote problem={approvals.problem} />
      {factors.data && enrolling && <Enrol factors={factors.data} asked begun reload={factors.reload} />}
      {passkeys === false && !enrolling && questions.length === 0 && <NoPasskey onEnrol={() => setEnrolling(true)} />}
      <Announce questions={questions} loaded={approvals.data !== undefined} />
      <div role="status">
        {notice && <Done notice={notice} />}
        {approvals.data && request !== undefined && !notice && !questions.some(one => one.id === request) && (
          <p class="banner">The request of this link was decided, withdrawn, or has expired.</p>
        )}
      </div>
      {questions.map(question => (
        <Card
          key={question.id}
          question={question}
          passkeys={passkeys}
          onEnrol={() => {
            setEnrolling(true);
            scrollTo(0, 0);
          }}
          arrangement={questions.map(one => one.id).join()}
          onDecided={decided}
          taken={busy !== undefined && busy !== question.id}
          onBusy={now => setBusy(now ? question.id : undefined)}
        />
      ))}
      {approvals.data && questions.length === 0 && <Nothing />}
    </>
  );
}

/** Moves to the card of the request in the address, once. */
function useArrivalAt(request: string | undefined, loaded: boolean): void {
  useEffect(() => {
    if (request === undefined || !loaded) return;
    const own = document.querySelector<HTMLElement>(`article[data-question="${CSS.escape(request)}"]`);
    own?.focus({ preventScroll: true });
    own?.scrollIntoView({ block: "start", behavior: "instant" });
  }, [request, loaded]);
}

function Done({ notice }: { notice: Notice }) {
  return (
    <p class="done">
      <Icon name="check" />
      <UntrustedText text={notice.text} />{" "}
      {notice.receipt !== undefined && (
        <button type="button" class="link" onClick={() => go(address("receipts", { id: notice.receipt ?? "" }))}>
          Receipt {notice.receipt}
        </button>
      )}
    </p>
  );
}

/** Announces new requests to screen readers. */
function Announce({ questions, loaded }: { questions: ApprovalRequest[]; loaded: boolean }) {
  const known = useRef<Set<string> | undefined>(undefined);
  const [text, setText] = useState("");
  useEffect(() => {
    if (!loaded) return;
    const fresh = questions.filter(question => !known.current?.has(question.id));
    known.current = new Set(questions.map(question => question.id));
    const newest = fresh.at(-1);
    if (!newest) return;
    setText(`${sentence(newest)}. ${counted(questions.length, "approval request")} pending.`);
  }, [questions.map(question => question.id).join(), loaded]);
  return (
    <p class="unseen" aria-live="polite" data-announce>
      <UntrustedText text={text} />
    </p>
  );
}

function NoPasskey({ onEnrol }: { onEnrol: () => void }) {
  return (
    <aside class="banner">
      <Icon name="key" />
      <p>
        <strong>No passkey is set up, so you cannot approve requests on this page.</strong> Use your PIN at a terminal:{" "}
        <Command>briefcase approvals</Command>
      </p>
      <button type="button" onClick={onEnrol}>
        Set up a passkey
      </button>
    </aside>
  );
}

function Nothing() {
  return (
    <Empty icon="approvals" title="No pending approvals">
      <p>A request appears here when your policy requires approval for an agent’s call.</p>
      <p>
        To see one, let your agent use a tool that changes something. The terminal lists the same requests:{" "}
        <Command>briefcase approvals</Command>
      </p>
    </Empty>
  );
}
