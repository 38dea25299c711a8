import type { AppState, SavedKey } from "../app_state.ts";
import { utf8 } from "../bytes.ts";
import { short } from "../element.ts";
import { row, Step } from "../step.ts";

export function rotation(state: AppState): Step {
  const step = new Step(
    state,
    "rotation",
    4,
    "Rotate the signing key",
    "A new key replaces the old one. The old key still verifies its earlier signatures and never signs again.",
  );
  let old: SavedKey | undefined;
  const rotate = async () => {
    const before = state.saved.signing;
    if (before === undefined) return;
    const { kid, publicKey } = await state.enclave.calls.rotate({ kid: before.kid });
    old = before;
    state.save({ signing: { kid, publicKey } });
    step.good("Rotated.", `${short(before.kid)} is retired, ${short(kid)} is the new signing key.`);
  };
  const again = async () => {
    await state.enclave.calls.sign({ kid: old?.kid ?? "", bytes: utf8("once more").buffer });
    step.bad("It signed.", "This must not happen.");
  };
  const needsKey = () => (state.saved.signing === undefined ? "Create a key first (step 1)." : undefined);
  const needsOld = () => (old === undefined ? "Rotate first." : undefined);
  return step.add(
    row(
      step.button("Rotate", "first", rotate, needsKey),
      step.button("Try to sign with the old key", "", again, needsOld),
    ),
  );
}
