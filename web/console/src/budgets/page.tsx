/** Budgets and their use, in numbers, words and bars. */
import type { BudgetView } from "../generated/contract.ts";
import { useLoad } from "../ui/load.ts";
import { Badge, Command, Empty, PageHead, ProblemNote, type Tone } from "../ui/parts.tsx";

const WINDOWS: Record<string, string> = {
  call: "each call",
  hour: "this hour",
  day: "today",
  month: "this month",
  all: "in total",
};

export function BudgetsPage() {
  const budgets = useLoad<BudgetView[]>("/v1/budgets", "receipts");
  return (
    <>
      <PageHead title="Budgets">Reserved before a call, settled after it. No call exceeds a limit.</PageHead>
      <ProblemNote problem={budgets.problem} />
      <ul class="budgets">
        {budgets.data?.map(budget => (
          <Bar key={`${budget.scope} ${budget.window} ${budget.limit}`} budget={budget} />
        ))}
      </ul>
      {budgets.data?.length === 0 && (
        <Empty icon="budgets" title="No budgets yet">
          <p>A budget stops an agent that loops or spends too much. At a terminal:</p>
          <p>
            <Command>briefcase budget set --window day --limit 100</Command>
          </p>
        </Empty>
      )}
    </>
  );
}

function Bar({ budget }: { budget: BudgetView }) {
  const percent = Math.min(100, budget.permille / 10);
  const [tone, word] = usage(budget.permille);
  return (
    <li class="card budget">
      <header>
        <h2>{budget.scope}</h2>
        <Badge tone={tone}>{word}</Badge>
      </header>
      <div
        class={`bar ${tone}`}
        role="meter"
        aria-label={`${budget.scope}, ${WINDOWS[budget.window] ?? budget.window}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(percent)}
        aria-valuetext={`${budget.used} of ${budget.limit}`}
      >
        <div style={{ width: `${percent}%` }} />
      </div>
      <p>
        <strong>{budget.used}</strong> of {budget.limit} {WINDOWS[budget.window] ?? budget.window}
      </p>
    </li>
  );
}

function usage(permille: number): [Tone, string] {
  if (permille >= 1000) return ["bad", "Used up"];
  if (permille >= 800) return ["warn", "Nearly used up"];
  return ["good", "Within limits"];
}
