/** A change of the authority document: its effects line by line, then a passkey signature over exactly that change. */
import { useEffect, useRef, useState } from "preact/hooks";
import { CLICK_DELAY_HIGH, useClickDelay } from "../approvals/click_delay.ts";
import { useVisible } from "../approvals/visibility.ts";
import type { Applied, Change, Preview } from "../generated/contract.ts";
import { asProblem, type Problem } from "../session/client.ts";
import { apply, preview } from "../session/evidence.ts";
import { Dialog, notEnter } from "../ui/dialog.tsx";
import { ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { changeText } from "../words.ts";

interface Props {
  title: string;
  change: Change;
  verb: string;
  onClose: () => void;
  onDone: (applied: Applied) => void;
}

export function ChangeDialog({ title, change, verb, onClose, onDone }: Props) {
  const [shown, setShown] = useState<Preview>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const actions = useRef<HTMLDivElement>(null);
  const visible = useVisible(actions);
  const clickable = useClickDelay(CLICK_DELAY_HIGH, shown?.digest ?? "");
  const fail = (reason: unknown) => setProblem(asProblem(reason));
  useEffect(() => void preview(change).then(setShown, fail), []);
  const confirm = () => {
    if (!shown) return;
    setBusy(true);
    setProblem(undefined);
    apply(change, shown.digest)
      .then(onDone, fail)
      .finally(() => setBusy(false));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <ProblemNote problem={problem} />
      {shown && (
        <ul class="changes" aria-label="Changes to apply">
          {shown.lines.map((line, place) => (
            <li key={place}>
              <UntrustedText text={changeText(line)} />
            </li>
          ))}
        </ul>
      )}
      <div class="actions" ref={actions}>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="allow"
          disabled={!shown || busy || !visible || !clickable}
          onKeyDown={notEnter}
          onClick={confirm}
        >
          {busy ? "Waiting for your passkey…" : verb}
        </button>
      </div>
    </Dialog>
  );
}
