/** Saved approvals: the rules that a person created while approving requests, and their revocation. */
import { useState } from "preact/hooks";
import { canonical } from "../args/canonical.ts";
import { ChangeDialog } from "../changes/dialog.tsx";
import type { FactorView, GrantView } from "../generated/contract.ts";
import { moment } from "../ui/clock.ts";
import { useLoad } from "../ui/load.ts";
import { ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";

export function Grants() {
  const grants = useLoad<GrantView[]>("/v1/grants", "authority");
  const factors = useLoad<FactorView[]>("/v1/factors", "authority");
  const [revoked, setRevoked] = useState<GrantView>();
  const passkeys = factors.data?.some(factor => factor.kind === "passkey") ?? false;
  return (
    <section class="card" aria-label="Saved approvals">
      <header>
        <h2>Saved approvals</h2>
      </header>
      <ProblemNote problem={grants.problem} />
      {grants.data?.length === 0 && (
        <p>No saved approvals. “Create rule…” on an approval request adds one; each expires.</p>
      )}
      <ul class="rows">
        {grants.data?.map(grant => (
          <li key={grant.id}>
            <p>
              <b>{grant.agent}</b> may use{" "}
              <b>
                <UntrustedText text={grant.tool} />
              </b>{" "}
              of <b>{grant.server}</b> until {moment(grant.expires)}
              <code class="block">
                <UntrustedText text={canonical(grant.fixed)} />
              </code>
            </p>
            <button type="button" disabled={!passkeys} onClick={() => setRevoked(grant)}>
              Revoke
            </button>
          </li>
        ))}
      </ul>
      {revoked && (
        <ChangeDialog
          title="Revoke a saved approval"
          verb="Revoke"
          change={{ change: "revoke_grant", id: revoked.id }}
          onClose={() => setRevoked(undefined)}
          onDone={() => {
            setRevoked(undefined);
            void grants.reload();
          }}
        />
      )}
    </section>
  );
}
