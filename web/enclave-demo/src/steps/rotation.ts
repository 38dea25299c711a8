import { utf8 } from "../bytes.ts";
import type { Desk, KeyNote } from "../desk.ts";
import { short } from "../element.ts";
import { row, Step } from "../step.ts";

export function rotation(desk: Desk): Step {
  const step = new Step(
    desk,
    "rotation",
    4,
    "Rotate the signing key",
    "A new key takes the place of the old one. The old one still verifies what it signed, and never signs again, whatever this page asks.",
  );
  let old: KeyNote | undefined;
  const rotate = async () => {
    const before = desk.notes.signing;
    if (before === undefined) return;
    const { kid, publicKey } = await desk.enclave.calls.rotate({ kid: before.kid });
    old = before;
    desk.note({ signing: { kid, publicKey } });
    step.good("Rotated.", `${short(before.kid)} is retired, ${short(kid)} signs from now on.`);
  };
  const again = async () => {
    await desk.enclave.calls.sign({ kid: old?.kid ?? "", bytes: utf8("once more").buffer });
    step.bad("It signed.", "That must not happen.");
  };
  const needsKey = () => (desk.notes.signing === undefined ? "Create a key first (step 1)." : undefined);
  const needsOld = () => (old === undefined ? "Rotate first." : undefined);
  return step.add(
    row(
      step.button("Rotate", "first", rotate, needsKey),
      step.button("Try to sign with the old key", "", again, needsOld),
    ),
  );
}
