/**
 * The enrollment of a passkey. A new factor requires an existing one: another passkey here, or the PIN. The PIN is
 * typed only at a terminal, so the page offers the credential to the daemon and waits for the terminal to accept it.
 */
import { useEffect, useState } from "preact/hooks";
import { ChangeDialog } from "../changes/dialog.tsx";
import type { Change, FactorView, PasskeyOfferView, WebAuthnOptions } from "../generated/contract.ts";
import { asProblem, type Problem, post } from "../session/client.ts";
import { creation } from "../session/webauthn.ts";
import { Icon } from "../ui/icon.tsx";
import { Command, ProblemNote } from "../ui/parts.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";

const LOOK_EVERY = 1_500;
const LABEL_MAX = 64;

interface Props {
  factors: FactorView[];
  /** True if the address requests enrollment, as `briefcase factor add passkey` opens it. */
  asked: boolean;
  /** True if the person already pressed a button to create one. */
  begun?: boolean;
  reload: () => Promise<void>;
}

/** The label and code that the terminal shows too, so that a person can recognize the offer. */
type Offer = Partial<PasskeyOfferView> & { label: string };

type Stage =
  | { at: "start" }
  | { at: "making" }
  | { at: "proving"; change: Change }
  | { at: "waiting"; offer: Offer; known: number }
  | { at: "done" };

export function Enrol({ factors, asked, begun, reload }: Props) {
  const [label, setLabel] = useState("This browser");
  const [stage, setStage] = useState<Stage>({ at: "start" });
  const [problem, setProblem] = useState<Problem>();
  const passkeys = factors.filter(factor => factor.kind === "passkey").length;
  useArrival(stage, passkeys, reload, () => setStage({ at: "done" }));
  const make = () => {
    setStage({ at: "making" });
    setProblem(undefined);
    created(label.trim(), passkeys).then(setStage, reason => {
      setProblem(asProblem(reason));
      setStage({ at: "start" });
    });
  };
  useEffect(() => {
    if (begun) make();
  }, []);
  return (
    <section class={asked ? "card asked" : "card"} aria-label="Add a passkey">
      <header>
        <h2>Add a passkey</h2>
      </header>
      <p>
        A passkey lets you approve requests on this page with a fingerprint, your face or a security key. No program can
        do it for you.
      </p>
      <ProblemNote problem={problem} />
      {(stage.at === "start" || stage.at === "making") && (
        <Start label={label} setLabel={setLabel} busy={stage.at === "making"} onMake={make} />
      )}
      {stage.at === "proving" && (
        <ChangeDialog
          title="Add this passkey"
          verb="Confirm with an existing passkey"
          change={stage.change}
          onClose={() => setStage({ at: "start" })}
          onDone={() => {
            setStage({ at: "done" });
            void reload();
          }}
        />
      )}
      <div role="status">
        {stage.at === "waiting" && <Waiting offer={stage.offer} />}
        {stage.at === "done" && (
          <p class="done">
            <Icon name="check" /> Passkey added. You can now approve requests on this page.
          </p>
        )}
      </div>
    </section>
  );
}

/** An enrolled passkey proves the change here; otherwise the terminal does, with the PIN. */
async function created(label: string, passkeys: number): Promise<Stage> {
  const credential = await creation(await post<WebAuthnOptions>("/v1/passkey/begin"));
  if (passkeys > 0) return { at: "proving", change: { change: "add_passkey", label, credential } };
  const offer = await post<Partial<PasskeyOfferView>>("/v1/passkey/offer", { label, credential });
  return { at: "waiting", offer: { label, ...offer }, known: passkeys };
}

function useArrival(stage: Stage, passkeys: number, reload: () => Promise<void>, arrived: () => void): void {
  const waiting = stage.at === "waiting";
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => void reload(), LOOK_EVERY);
    return () => clearInterval(timer);
  }, [waiting, reload]);
  useEffect(() => {
    if (stage.at === "waiting" && passkeys > stage.known) arrived();
  }, [stage, passkeys]);
}

function Start(props: { label: string; setLabel: (label: string) => void; busy: boolean; onMake: () => void }) {
  return (
    <div class="inline">
      <label class="field">
        Passkey name
        <input
          type="text"
          maxLength={LABEL_MAX}
          value={props.label}
          onInput={event => props.setLabel(event.currentTarget.value)}
        />
      </label>
      <button type="button" disabled={props.busy || props.label.trim() === ""} onClick={props.onMake}>
        {props.busy ? "Waiting for your passkey…" : "Create a passkey"}
      </button>
    </div>
  );
}

function Waiting({ offer }: { offer: Offer }) {
  return (
    <div class="offer">
      <p>
        <strong>Now enter your PIN in the terminal.</strong> It must show the same{" "}
        {offer.code === undefined ? "name" : "code"}; otherwise, do not enter your PIN.
      </p>
      <p class="code">
        <UntrustedText text={offer.code ?? offer.label} />
      </p>
      <p class="hint">
        No terminal waiting? Run <Command>briefcase factor add passkey</Command>
      </p>
    </div>
  );
}
