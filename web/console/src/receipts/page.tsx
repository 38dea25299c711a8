/** The receipts, newest first, and one receipt in full. */
import { useState } from "preact/hooks";
import type { Receipt, ReceiptRow } from "../generated/contract.ts";
import { address, go } from "../session/route.ts";
import { brief, moment } from "../ui/clock.ts";
import { Badge, Command, Empty, PageHead, ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { counted } from "../words.ts";
import { Detail } from "./detail.tsx";
import { type Filter, Filters, NO_FILTER } from "./filters.tsx";
import { callsOf, inContext } from "./format.ts";
import { usePages } from "./pages.ts";

export function ReceiptsPage({ query }: { query: URLSearchParams }) {
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const pages = usePages(filter);
  const chosen = query.get("id") ?? undefined;
  return (
    <>
      <PageHead title="Receipts">
        Every call, decision and change, in a tamper-evident log.
        {pages.size !== undefined && ` ${counted(pages.size, "receipt")} so far.`}
      </PageHead>
      <Filters filter={filter} onChange={setFilter} />
      <ProblemNote problem={pages.problem} />
      {chosen !== undefined && <Detail key={chosen} id={chosen} />}
      {pages.rows.length > 0 && <Rows rows={pages.rows} chosen={chosen} />}
      {pages.more && (
        <button type="button" class="more" disabled={pages.busy} onClick={pages.older}>
          {label(pages)}
        </button>
      )}
      {pages.rows.length === 0 && !pages.busy && !pages.more && !pages.problem && (
        <None filtered={filter !== NO_FILTER} />
      )}
    </>
  );
}

/** A search without a result so far says how far it is. */
function label(pages: { rows: ReceiptRow[]; busy: boolean; next?: number }): string {
  if (pages.rows.length > 0 || pages.next === undefined) return pages.busy ? "Loading…" : "Older receipts";
  const reached = `Searched back to r${pages.next}, no match yet.`;
  return pages.busy ? `${reached} Searching…` : `${reached} Search older receipts`;
}

function Rows({ rows, chosen }: { rows: ReceiptRow[]; chosen: string | undefined }) {
  const calls = callsOf(rows.map(row => row.receipt));
  return (
    <div class="card flush">
      <div class="scroll" tabIndex={0} role="region" aria-label="Receipts">
        <table class="receipts">
          <thead>
            <tr>
              <th scope="col">Receipt</th>
              <th scope="col">Time</th>
              <th scope="col">Kind</th>
              <th scope="col">Agent</th>
              <th scope="col">Summary</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <Row key={row.id} row={row} calls={calls} here={row.id === chosen} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Row({ row, calls, here }: { row: ReceiptRow; calls: Map<unknown, Receipt>; here: boolean }) {
  const { agent, said } = inContext(row.receipt, calls);
  return (
    <tr class={here ? "here" : ""}>
      <th scope="row">
        <button
          type="button"
          class="link"
          aria-current={here ? "true" : undefined}
          onClick={() => go(address("receipts", { id: row.id }))}
        >
          {row.id}
        </button>
      </th>
      <td>
        <time title={moment(row.receipt.at)}>{brief(row.receipt.at)}</time>
      </td>
      <td>
        <Badge tone={said.tone} icon={said.icon}>
          {said.kind}
        </Badge>
      </td>
      <td>{agent}</td>
      <td class="what">
        <UntrustedText text={said.text} />
      </td>
    </tr>
  );
}

function None({ filtered }: { filtered: boolean }) {
  if (filtered)
    return (
      <Empty icon="receipts" title="No matching receipts">
        No receipt matches this filter.
      </Empty>
    );
  return (
    <Empty icon="receipts" title="No receipts yet">
      <p>
        Each call writes two receipts: one before its effect, one after. Anyone can verify them without trusting this
        program:
      </p>
      <p>
        <Command>briefcase receipts verify</Command>
      </p>
    </Empty>
  );
}
