/** The decisions a person can make. No decision is the default, and Enter triggers no decision. */
import type { ApprovalRequest, Decision } from "../generated/contract.ts";
import { notEnter } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { canHaveRule } from "./rule.ts";

interface Props {
  question: ApprovalRequest;
  /** The reason why it cannot be allowed; empty if it can. */
  blocked: string;
  denyBlocked: string;
  onDecide: (decision: Decision) => void;
  onRule: () => void;
}

export function Actions(props: Props) {
  const { question, blocked, denyBlocked, onDecide } = props;
  const allow = (scope: "once" | "session_exact" | "session_tool") => () => onDecide({ decision: "allow", scope });
  const common = { type: "button", class: "allow", disabled: blocked !== "", onKeyDown: notEnter } as const;
  return (
    <>
      <button
        type="button"
        class="deny"
        disabled={denyBlocked !== ""}
        onKeyDown={notEnter}
        onClick={() => onDecide({ decision: "deny" })}
      >
        <Icon name="cross" />
        Deny
      </button>
      <button {...common} onClick={allow("once")}>
        <Icon name="check" />
        Allow once
      </button>
      {!question.once_only && (
        <>
          <button {...common} onClick={allow("session_exact")}>
            Allow these arguments for the session
          </button>
          {question.beside === undefined && (
            <button {...common} onClick={allow("session_tool")}>
              Allow this tool for the session
            </button>
          )}
        </>
      )}
      {canHaveRule(question) && (
        <button {...common} onClick={props.onRule}>
          Create rule…
        </button>
      )}
    </>
  );
}
