/** The page layout: navigation, pending approvals, and the connection state. */
import { useEffect, useState } from "preact/hooks";
import { ApprovalsPage } from "./approvals/page.tsx";
import { SHORTCUT_HELP, typing } from "./approvals/shortcuts.ts";
import { BudgetsPage } from "./budgets/page.tsx";
import type { ApprovalRequest, Status } from "./generated/contract.ts";
import { PolicyPage } from "./policy/page.tsx";
import { ReceiptsPage } from "./receipts/page.tsx";
import { SecurityPage } from "./security/page.tsx";
import { ServersPage } from "./servers/page.tsx";
import { Problem } from "./session/client.ts";
import { follow, type Liveness } from "./session/events.ts";
import { address, current, go, onMove, PAGES, type Page, type Route } from "./session/route.ts";
import { Dialog } from "./ui/dialog.tsx";
import { Brand, Icon } from "./ui/icon.tsx";
import { type Loaded, useLoad } from "./ui/load.ts";
import { Command, ProblemNote } from "./ui/parts.tsx";
import { counted } from "./words.ts";

const NAMES: Record<Page, string> = {
  approvals: "Approvals",
  servers: "Servers",
  receipts: "Receipts",
  budgets: "Budgets",
  policy: "Policy",
  security: "Security",
};

export function App() {
  const [route, setRoute] = useState(current);
  const [liveness, setLiveness] = useState<Liveness>("polling");
  const approvals = useLoad<ApprovalRequest[]>("/v1/approvals", "approvals");
  const status = useLoad<Status>("/v1/status", "receipts");
  useEffect(() => {
    void follow(setLiveness);
    return onMove(() => {
      setRoute(current());
      document.querySelector("main")?.focus({ preventScroll: true });
      scrollTo(0, 0);
    });
  }, []);
  const open = approvals.data?.length ?? 0;
  useEffect(() => {
    document.title = `${open > 0 ? `(${open}) ` : ""}${NAMES[route.page]} · Briefcase`;
  }, [open, route.page]);
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Side page={route.page} open={open} status={status.data} liveness={liveness} />
      <main id="content" tabIndex={-1}>
        <Locked status={status.data} />
        <PageOf route={route} approvals={approvals} />
      </main>
    </div>
  );
}

function PageOf({ route, approvals }: { route: Route; approvals: Loaded<ApprovalRequest[]> }) {
  if (route.page === "servers") return <ServersPage />;
  if (route.page === "receipts") return <ReceiptsPage query={route.query} />;
  if (route.page === "budgets") return <BudgetsPage />;
  if (route.page === "policy") return <PolicyPage />;
  if (route.page === "security") return <SecurityPage enrol={route.query.has("enrol")} />;
  return <ApprovalsPage approvals={approvals} request={route.request} />;
}

function Side(props: { page: Page; open: number; status: Status | undefined; liveness: Liveness }) {
  return (
    <header class="side">
      <p class="brand">
        <Brand />
        Briefcase
      </p>
      <nav aria-label="Pages">
        {PAGES.map(page => (
          <NavLink key={page} page={page} here={page === props.page} open={page === "approvals" ? props.open : 0} />
        ))}
      </nav>
      <Foot status={props.status} liveness={props.liveness} />
    </header>
  );
}

function NavLink({ page, here, open }: { page: Page; here: boolean; open: number }) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(address(page));
  };
  return (
    <a href={address(page)} onClick={follow} aria-current={here ? "page" : undefined}>
      <Icon name={page} />
      {NAMES[page]}
      {open > 0 && (
        <span class="count">
          {open}
          <span class="unseen"> pending</span>
        </span>
      )}
    </a>
  );
}

function Foot({ status, liveness }: { status: Status | undefined; liveness: Liveness }) {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "?" && !typing(event.target) && !document.querySelector("dialog[open]")) setHelp(true);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <div class="foot">
      <p class={`live ${liveness}`}>
        <Icon name="dot" />
        {liveness === "live" ? "Live" : "Reconnecting; checking every few seconds"}
      </p>
      {status && (
        <p>
          {counted(status.receipts, "receipt")} · v{status.version}
        </p>
      )}
      <button type="button" class="link" onClick={() => setHelp(true)}>
        Shortcuts <kbd>?</kbd>
      </button>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl class="keys">
        {SHORTCUT_HELP.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function Locked({ status }: { status: Status | undefined }) {
  if (status?.state === "locked") {
    return (
      <aside class="banner">
        <Icon name="key" />
        <p>
          <strong>Briefcase is locked.</strong> No agent has access until you unlock it at a terminal:{" "}
          <Command>briefcase unlock</Command>
        </p>
      </aside>
    );
  }
  const problem = status?.problem;
  return problem ? <ProblemNote problem={new Problem(problem.code, problem.message, problem.next_step)} /> : null;
}
