/** The inclusion proof of one receipt: to read, copy and verify. */
import { useState } from "preact/hooks";
import type { ReceiptDetail } from "../generated/contract.ts";
import { text } from "../session/client.ts";
import { Icon } from "../ui/icon.tsx";
import { Copy, Digest } from "../ui/parts.tsx";
import { type Step, verify } from "./verify.ts";

export function ProofView({ detail }: { detail: ReceiptDetail }) {
  const [steps, setSteps] = useState<Step[]>();
  const check = async () => {
    const key = await text("/v1/log/key").catch(() => undefined);
    setSteps(await verify(detail, key));
  };
  return (
    <div class="proof">
      <h3>Proof</h3>
      <dl class="facts">
        <dt>Leaf</dt>
        <dd>
          <Digest digest={detail.proof.leaf} what="leaf hash" />
        </dd>
        <dt>Path</dt>
        <dd>
          <details>
            <summary>{detail.proof.path.length} hashes, leaf to root</summary>
            <ol class="path">
              {detail.proof.path.map((hash, place) => (
                <li key={place}>
                  <code>{hash}</code>
                </li>
              ))}
            </ol>
          </details>
        </dd>
        <dt>Checkpoint</dt>
        <dd>
          <pre tabIndex={0} role="region" aria-label="Checkpoint">
            {detail.proof.checkpoint}
          </pre>
          <Copy text={detail.proof.checkpoint} what="checkpoint" named />
        </dd>
      </dl>
      <div class="actions">
        <button type="button" onClick={() => void check()}>
          Verify in this page
        </button>
        <Copy text={detail.proof.text} what="proof file" named />
      </div>
      <div role="status">{steps && <Steps steps={steps} />}</div>
    </div>
  );
}

function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol class="steps">
      {steps.map(step => (
        <li key={step.text} class={step.valid === undefined ? "unverified" : step.valid ? "valid" : "invalid"}>
          <Icon name={step.valid === undefined ? "unknown" : step.valid ? "check" : "alert"} />
          {step.valid === false && <strong>Failed: </strong>}
          {step.text}
        </li>
      ))}
    </ol>
  );
}
