import type { AppState } from "../app_state.ts";
import { el, facts, mono, short } from "../element.ts";
import { row, Step } from "../step.ts";

export function keys(state: AppState): Step {
  const step = new Step(
    state,
    "keys",
    1,
    "Create a key",
    "The private half is made inside the enclave and stays there: no method gives it out. The page gets the public half and a name, the key's thumbprint.",
  );
  const shown = el("dl", { class: "facts" });
  const show = () => {
    const { signing } = state.saved;
    if (signing === undefined) shown.replaceChildren();
    else facts(shown, { Name: mono(signing.kid), "Public half": mono(JSON.stringify(signing.publicKey)) });
  };
  state.addEventListener("change", show);
  const create = async () => {
    const made = await state.enclave.calls.generate({ alg: "ES256", purpose: "signing", recoverable: true });
    state.save({ signing: { kid: made.kid, publicKey: made.publicKey } });
    step.good(
      "Created.",
      `${short(made.kid)} signs with ES256. It may be put into a backup, because this page asked for that at its birth.`,
    );
  };
  const has = () => (state.saved.signing === undefined ? undefined : "There is a key already; rotate it in step 4.");
  step.add(row(step.button("Create a signing key", "first", create, has)), shown);
  show();
  return step;
}
