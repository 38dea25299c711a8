/** One receipt in full: its content, its reason, its commitment, and its inclusion proof. */

import { canonical } from "../args/canonical.ts";
import { Arguments } from "../args/view.tsx";
import type { ReceiptDetail, ReceiptRow, Why } from "../generated/contract.ts";
import { address, go } from "../session/route.ts";
import { moment } from "../ui/clock.ts";
import { Icon } from "../ui/icon.tsx";
import { useLoad } from "../ui/load.ts";
import { Badge, Copy, Digest, ProblemNote } from "../ui/parts.tsx";
import { Prose, UntrustedText } from "../ui/untrusted_text.tsx";
import { summary } from "./format.ts";
import { ProofView } from "./proof.tsx";

export function Detail({ id }: { id: string }) {
  const detail = useLoad<ReceiptDetail>(`/v1/receipts/${encodeURIComponent(id)}`);
  const why = useLoad<Why>(`/v1/why/${encodeURIComponent(id)}`);
  return (
    <section class="card detail" aria-label={`Receipt ${id}`}>
      <header>
        <h2>Receipt {id}</h2>
        {detail.data && <Kind row={detail.data} />}
        <div class="tail">
          <button type="button" aria-label="Close the receipt" onClick={() => go(address("receipts"))}>
            <Icon name="cross" />
            Close
          </button>
        </div>
      </header>
      <ProblemNote problem={detail.problem} />
      {why.data && <Reason why={why.data} />}
      {detail.data && <Body detail={detail.data} />}
    </section>
  );
}

function Kind({ row }: { row: ReceiptRow }) {
  const said = summary(row.receipt);
  return (
    <>
      <Badge tone={said.tone} icon={said.icon}>
        {said.kind}
      </Badge>
      <time>{moment(row.receipt.at)}</time>
    </>
  );
}

function Reason({ why }: { why: Why }) {
  return (
    <>
      <p class="why">
        <Prose text={why.summary} />
      </p>
      {why.policies.map((policy, place) => (
        <details key={place}>
          <summary>
            policy <code>{policy.id ?? "?"}</code>
            {policy.line !== undefined && `, line ${policy.line}`}
          </summary>
          <pre>{policy.text}</pre>
        </details>
      ))}
    </>
  );
}

function Body({ detail }: { detail: ReceiptDetail }) {
  return (
    <>
      <h3>As recorded</h3>
      <Members receipt={detail.receipt} />
      {detail.opening !== undefined && (
        <>
          <h3>Arguments and result</h3>
          <p class="hint">Stored encrypted locally; the log contains only a salted commitment.</p>
          <Arguments text={canonical(detail.opening)} label="Arguments and result" />
        </>
      )}
      {detail.related.length > 0 && <Related rows={detail.related} />}
      <ProofView detail={detail} />
    </>
  );
}

const DIGESTS = new Set(["args", "digest", "pin", "result"]);

function Members({ receipt }: { receipt: ReceiptDetail["receipt"] }) {
  return (
    <>
      <dl class="members">
        {Object.entries(receipt).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {DIGESTS.has(name) ? (
                <Digest digest={String(value)} what={name} />
              ) : (
                <UntrustedText text={typeof value === "string" ? value : canonical(value)} />
              )}
            </dd>
          </div>
        ))}
      </dl>
      <Copy text={canonical(receipt)} what="receipt" named />
    </>
  );
}

function Related({ rows }: { rows: ReceiptRow[] }) {
  return (
    <>
      <h3>Other receipts of this call</h3>
      <ul class="related">
        {rows.map(row => {
          const said = summary(row.receipt);
          return (
            <li key={row.id}>
              <button type="button" class="link" onClick={() => go(address("receipts", { id: row.id }))}>
                {row.id}
              </button>{" "}
              <Badge tone={said.tone} icon={said.icon}>
                {said.kind}
              </Badge>{" "}
              <UntrustedText text={said.text} />
            </li>
          );
        })}
      </ul>
    </>
  );
}
