import type { AppState } from "../app_state.ts";
import { base64url, utf8 } from "../bytes.ts";
import { el, facts, mono, short } from "../element.ts";
import { row, Step } from "../step.ts";

interface Signed {
  readonly signature: ArrayBuffer;
  readonly kid: string;
}

export function signing(state: AppState): Step {
  const step = new Step(
    state,
    "signing",
    2,
    "Sign and verify",
    "Sign the text, verify it, then change one letter and verify again. A signing key signs exactly these bytes, so any ES256 implementation can verify them.",
  );
  const text = el("textarea", { id: "text", spellcheck: "false" });
  text.value = "Pay 12.50 to the baker.";
  const shown = el("dl", { class: "facts" });
  let last: Signed | undefined;
  const sign = async () => {
    const kid = state.saved.signing?.kid ?? "";
    const { signature } = await state.enclave.calls.sign({ kid, bytes: utf8(text.value).buffer });
    last = { signature, kid };
    facts(shown, { Signature: mono(base64url(signature)), "By key": mono(short(kid)) });
    step.good("Signed.", "The enclave recorded the signature in its audit log.");
    state.save({});
  };
  const verify = async () => {
    const publicKey = state.saved.signing?.publicKey;
    if (publicKey === undefined || last === undefined) return;
    const bytes = utf8(text.value).buffer;
    const { valid } = await state.enclave.calls.verify({ publicKey, bytes, signature: last.signature });
    if (valid) step.good("Valid.", "This key signed this text.");
    else step.bad("Invalid.", "The text or the key differs from the signed one.");
  };
  const needsKey = () => (state.saved.signing === undefined ? "Create a key first (step 1)." : undefined);
  const needsBoth = () => needsKey() ?? (last === undefined ? "Sign something first." : undefined);
  step.add(
    el("label", { for: "text" }, "Text"),
    text,
    row(step.button("Sign", "first", sign, needsKey), step.button("Verify", "", verify, needsBoth)),
    shown,
  );
  return step;
}
