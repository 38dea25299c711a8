import type { AppState } from "../app_state.ts";
import { el, facts, mono, short } from "../element.ts";
import { row, Step } from "../step.ts";

export function keys(state: AppState): Step {
  const step = new Step(
    state,
    "keys",
    1,
    "Create a key",
    "The private key is generated inside the enclave and stays there: no method exports it. The page gets the public key and a key id, its thumbprint.",
  );
  const shown = el("dl", { class: "facts" });
  const show = () => {
    const { signing } = state.saved;
    if (signing === undefined) shown.replaceChildren();
    else facts(shown, { "Key id": mono(signing.kid), "Public key": mono(JSON.stringify(signing.publicKey)) });
  };
  state.addEventListener("change", show);
  const create = async () => {
    const made = await state.enclave.calls.generate({ alg: "ES256", purpose: "signing", recoverable: true });
    state.save({ signing: { kid: made.kid, publicKey: made.publicKey } });
    step.good(
      "Created.",
      `${short(made.kid)} signs with ES256. It can be backed up, because this page generated it as recoverable.`,
    );
  };
  const has = () => (state.saved.signing === undefined ? undefined : "A key exists already; rotate it in step 4.");
  step.add(row(step.button("Create a signing key", "first", create, has)), shown);
  show();
  return step;
}
