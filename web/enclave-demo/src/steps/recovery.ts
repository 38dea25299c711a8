import type { AppState } from "../app_state.ts";
import { base64url, unbase64url, utf8 } from "../bytes.ts";
import { short } from "../element.ts";
import { row, Step } from "../step.ts";

export function recovery(state: AppState): Step {
  const step = new Step(
    state,
    "recovery",
    6,
    "Back up, lose everything, recover",
    "The enclave seals the key to a recovery code that it shows to you and to nobody else. The page keeps the sealed backup, which is worth nothing without the code. Write the code down: you need it to recover.",
  );
  const backup = async () => {
    const { signing } = state.saved;
    if (signing === undefined) return;
    const made = await state.enclave.calls["backup"].create({ kids: [signing.kid] });
    state.save({ backup: base64url(made.backup), backedUp: signing });
    step.good("Backed up.", `This page keeps ${made.backup.byteLength} sealed bytes of ${short(signing.kid)}.`);
  };
  const lose = async () => {
    await state.enclave.calls.reset();
    await state.dropMissingKeys();
    step.good("Everything is gone.", "All keys of this page are erased; the record says where the old one ended.");
  };
  const restore = async () => {
    const { backup: sealed = "", backedUp } = state.saved;
    const { kids } = await state.enclave.calls["backup"].restore({ backup: unbase64url(sealed).buffer });
    if (backedUp === undefined || !kids.includes(backedUp.kid)) throw new Error("Another key came back.");
    const bytes = utf8("I am back.").buffer;
    const { signature } = await state.enclave.calls.sign({ kid: backedUp.kid, bytes });
    const { valid } = await state.enclave.calls.verify({ publicKey: backedUp.publicKey, bytes, signature });
    state.save({ signing: backedUp });
    if (valid)
      step.good("Recovered.", `${short(backedUp.kid)} signs again, and the public half from before verifies it.`);
    else step.bad("Not the same key.", "What it signs is not good under the public half from before.");
  };
  const needsKey = () => (state.saved.signing === undefined ? "Create a key first (step 1)." : undefined);
  const needsBackup = () => (state.saved.backup === undefined ? "Back up first." : undefined);
  return step.add(
    row(
      step.button("Back up…", "first", backup, needsKey),
      step.button("Lose everything…", "grave", lose, needsBackup),
      step.button("Recover…", "", restore, needsBackup),
    ),
  );
}
