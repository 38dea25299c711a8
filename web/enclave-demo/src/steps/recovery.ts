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
    "The enclave encrypts the key with a recovery code that only you see. The page stores the encrypted backup, which is useless without the code. Write the code down: you need it to recover.",
  );
  const backup = async () => {
    const { signing } = state.saved;
    if (signing === undefined) return;
    const made = await state.enclave.calls["backup"].create({ kids: [signing.kid] });
    state.save({ backup: base64url(made.backup), backedUp: signing });
    step.good(
      "Backed up.",
      `This page stores an encrypted backup of ${short(signing.kid)}, ${made.backup.byteLength} bytes.`,
    );
  };
  const lose = async () => {
    await state.enclave.calls.reset();
    await state.dropMissingKeys();
    step.good(
      "Everything was erased.",
      "All keys of this page are erased; the new audit log names the end of the old one.",
    );
  };
  const restore = async () => {
    const { backup: sealed = "", backedUp } = state.saved;
    const { kids } = await state.enclave.calls["backup"].restore({ backup: unbase64url(sealed).buffer });
    if (backedUp === undefined || !kids.includes(backedUp.kid)) throw new Error("The backup restored a different key.");
    const bytes = utf8("I am back.").buffer;
    const { signature } = await state.enclave.calls.sign({ kid: backedUp.kid, bytes });
    const { valid } = await state.enclave.calls.verify({ publicKey: backedUp.publicKey, bytes, signature });
    state.save({ signing: backedUp });
    if (valid)
      step.good("Recovered.", `${short(backedUp.kid)} signs again, and its earlier public key verifies the signature.`);
    else step.bad("Not the same key.", "Its signature is invalid under the earlier public key.");
  };
  const needsKey = () => (state.saved.signing === undefined ? "Create a key first (step 1)." : undefined);
  const needsBackup = () => (state.saved.backup === undefined ? "Back up first." : undefined);
  return step.add(
    row(
      step.button("Back up…", "first", backup, needsKey),
      step.button("Erase everything…", "grave", lose, needsBackup),
      step.button("Recover…", "", restore, needsBackup),
    ),
  );
}
