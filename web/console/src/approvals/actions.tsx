/** The decisions a person can make. No decision is the default, and Enter triggers no decision. */
import type { ComponentChildren } from "preact";
import type { ApprovalRequest, Decision } from "../generated/contract.ts";
import { notEnter } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import type { Blocked } from "./blocked.ts";
import { canHaveRule } from "./rule.ts";

interface Props {
  question: ApprovalRequest;
  /** The reason why it cannot be allowed. */
  blocked: Blocked | undefined;
  denyBlocked: Blocked | undefined;
  /** The id of the element with the reason in full. */
  reason: string;
  /** True if the longer permissions are shown. */
  more: boolean;
  onMore: () => void;
  onDecide: (decision: Decision) => void;
  onRule: () => void;
}

/** The second line of a button that can be pressed. Each button has two lines, so that no button ever moves. */
const READY = "with your passkey";

export function Actions(props: Props) {
  const { question, onDecide } = props;
  return (
    <>
      <Button
        class="deny"
        blocked={props.denyBlocked}
        reason={props.reason}
        onPress={() => onDecide({ decision: "deny" })}
      >
        <Icon name="cross" />
        Deny
      </Button>
      <Allow {...props} decision={{ decision: "allow", scope: "once" }}>
        <Icon name="check" />
        Allow once
      </Allow>
      {!question.once_only && (
        <button type="button" class="longer" aria-expanded={props.more} onClick={props.onMore}>
          {props.more ? "Less" : "More"}
        </button>
      )}
      {props.more && !question.once_only && <Longer {...props} />}
    </>
  );
}

/** The permissions that last longer than one call. */
function Longer(props: Props) {
  const { question } = props;
  return (
    <div class="choices">
      <Allow {...props} decision={{ decision: "allow", scope: "session_exact" }}>
        Allow these arguments for the session
      </Allow>
      {question.beside === undefined && (
        <Allow {...props} decision={{ decision: "allow", scope: "session_tool" }}>
          Allow this tool for the session
        </Allow>
      )}
      {canHaveRule(question) && (
        <Button class="allow" blocked={props.blocked} reason={props.reason} onPress={props.onRule}>
          Create rule…
        </Button>
      )}
    </div>
  );
}

function Allow(props: Props & { decision: Decision; children: ComponentChildren }) {
  return (
    <Button class="allow" blocked={props.blocked} reason={props.reason} onPress={() => props.onDecide(props.decision)}>
      {props.children}
    </Button>
  );
}

function Button(props: {
  class: string;
  blocked: Blocked | undefined;
  reason: string;
  onPress: () => void;
  children: ComponentChildren;
}) {
  return (
    <button
      type="button"
      class={`decision ${props.class}`}
      disabled={props.blocked !== undefined}
      aria-describedby={props.blocked && props.reason}
      onKeyDown={notEnter}
      onClick={props.onPress}
    >
      <span class="label">{props.children}</span>
      <small aria-hidden="true">{props.blocked?.short ?? READY}</small>
    </button>
  );
}
