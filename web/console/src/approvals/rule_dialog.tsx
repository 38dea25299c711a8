/** The dialog for a rule: the arguments that must match, and the duration. It starts with the narrowest rule. */
import { useRef, useState } from "preact/hooks";
import { canonical } from "../args/canonical.ts";
import type { ApprovalRequest, Decision } from "../generated/contract.ts";
import { Dialog, notEnter } from "../ui/dialog.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { CLICK_DELAY_HIGH, useClickDelay } from "./click_delay.ts";
import { fixable, LASTS, ruleSentence } from "./rule.ts";
import { useVisible } from "./visibility.ts";

const PREVIEW_MAX = 80;

interface Props {
  question: ApprovalRequest;
  onClose: () => void;
  onDecide: (decision: Decision) => void;
}

export function RuleDialog({ question, onClose, onDecide }: Props) {
  const members = fixable(JSON.parse(question.arguments));
  const names = members.map(([name]) => name);
  const [fixed, setFixed] = useState(names);
  const [lasts, setLasts] = useState(LASTS[0]);
  const actions = useRef<HTMLDivElement>(null);
  const visible = useVisible(actions);
  const clickable = useClickDelay(CLICK_DELAY_HIGH, `${fixed.join()} ${lasts?.seconds}`);
  const toggle = (name: string) =>
    setFixed(now =>
      now.includes(name) ? now.filter(other => other !== name) : names.filter(one => one === name || now.includes(one)),
    );
  const allow = () => onDecide({ decision: "allow", scope: "rule", fixed, seconds: lasts?.seconds ?? 3_600 });
  return (
    <Dialog title="Create rule" onClose={onClose}>
      {members.length > 0 && <Members members={members} fixed={fixed} toggle={toggle} />}
      <label class="field">
        Duration
        <select
          value={lasts?.seconds}
          onChange={event => setLasts(LASTS.find(one => one.seconds === Number(event.currentTarget.value)))}
        >
          {LASTS.map(one => (
            <option key={one.seconds} value={one.seconds}>
              {one.text}
            </option>
          ))}
        </select>
      </label>
      <p class={fixed.length < names.length ? "sentence wide" : "sentence"} aria-live="polite">
        <UntrustedText text={ruleSentence(question, names, fixed, lasts?.text ?? "")} />
      </p>
      <div class="actions" ref={actions}>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="allow" disabled={!visible || !clickable} onKeyDown={notEnter} onClick={allow}>
          Create rule and allow
        </button>
      </div>
    </Dialog>
  );
}

function Members(props: { members: [string, unknown][]; fixed: string[]; toggle: (name: string) => void }) {
  return (
    <fieldset>
      <legend>Only when these arguments match</legend>
      {props.members.map(([name, value]) => (
        <label key={name} class="tick">
          <input type="checkbox" checked={props.fixed.includes(name)} onChange={() => props.toggle(name)} />
          <code>
            <UntrustedText text={name} />
          </code>
          <code class="preview">
            <UntrustedText text={shortened(canonical(value))} />
          </code>
        </label>
      ))}
    </fieldset>
  );
}

/** Identifies an argument; the card shows the full value. */
function shortened(text: string): string {
  const characters = [...text];
  return characters.length > PREVIEW_MAX ? `${characters.slice(0, PREVIEW_MAX).join("")} …` : text;
}
