import { checkAudit } from "../../../enclave-bridge/src/index.ts";
import type { AppState } from "../app_state.ts";
import { el } from "../element.ts";
import { row, Step } from "../step.ts";

const SHOWN = 12;

interface Entry {
  readonly seq: number;
  readonly time: number;
  readonly method: string;
  readonly kid?: string;
  readonly outcome: string;
}

export function record(state: AppState): Step {
  const step = new Step(
    state,
    "record",
    8,
    "Read the audit log",
    "Every operation and refusal of the enclave is an entry, linked to the previous one; the last is signed. The page verifies the chain itself.",
  );
  const table = el("div", {
    class: "table",
    role: "region",
    "aria-label": "Audit log of the enclave",
    tabindex: "0",
    hidden: "",
  });
  const read = async () => {
    const page = await state.enclave.calls.audit({});
    const { linked, complete, head } = await checkAudit(page);
    const entries = page.entries.map(bytes => JSON.parse(new TextDecoder().decode(bytes)) as Entry);
    table.replaceChildren(tableOf(entries.slice(-SHOWN).reverse()));
    table.hidden = false;
    const whole = `${page.head.count} entries, each linked to the previous one`;
    if (linked && complete && head === "good")
      step.good("The chain is valid.", `${whole}, and the signature of the last is valid.`);
    else step.bad("The chain is invalid.", `linked: ${linked}, complete: ${complete}, head: ${head}`);
  };
  return step.add(row(step.button("Read and verify", "first", read)), table);
}

function tableOf(entries: readonly Entry[]): HTMLElement {
  const heads = ["No.", "When", "Method", "Key", "Outcome"].map(text => el("th", { scope: "col" }, text));
  const rows = entries.map(({ seq, time, method, kid = "", outcome }) =>
    el(
      "tr",
      {},
      ...[String(seq), new Date(time).toLocaleTimeString(), method, kid.slice(0, 8), outcome].map(text =>
        el("td", {}, text),
      ),
    ),
  );
  return el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}
