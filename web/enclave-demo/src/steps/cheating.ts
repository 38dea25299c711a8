import { EnclaveError, Refused } from "../../../enclave-bridge/src/index.ts";
import type { AppState } from "../app_state.ts";
import { el } from "../element.ts";
import { postJson } from "../push/subscription.ts";
import { row, Step } from "../step.ts";

const CHEATS: readonly (readonly [string, string])[] = [
  ["module", "change one byte of the module"],
  ["page", "add a script to its page"],
  ["headers", "allow itself network access"],
];

/** Tampering that is detected only if the release is verified by policy. */
const SIGNED: typeof CHEATS = [
  ["manifest", "claim a newer release in the signed manifest"],
  ["proof", "omit the proof that the release is in the log"],
];

export function cheating(state: AppState): Step {
  const step = new Step(
    state,
    "cheating",
    7,
    "Let the enclave’s server tamper",
    "Before it creates the frame, the bridge fetches page, headers and module and compares them with the release. Chromium then runs no other code in the frame. A tampering server is refused; the reason is shown above and here.",
  );
  const cheats = state.config.pin === null ? [...CHEATS, ...SIGNED] : CHEATS;
  const which = el("select", { id: "cheat" }, ...cheats.map(([value, text]) => el("option", { value }, text)));
  const cheat = async () => {
    await postJson(`${state.config.relay}/cheat/${which.value}`);
    await state.enclave.open().then(
      () => step.bad("It was loaded.", "This must not happen."),
      thrown => step.good("Refused, as expected.", reasonOf(thrown)),
    );
  };
  const honest = async () => {
    await postJson(`${state.config.relay}/cheat/honest`);
    await state.enclave.open();
    await state.dropMissingKeys();
    step.good("Restored.", "The enclave is verified and loaded; its keys are unchanged.");
  };
  return step.add(
    el("label", { for: "cheat" }, "The server will"),
    which,
    row(step.button("Tamper, then load the enclave", "grave", cheat), step.button("Restore the server", "", honest)),
  );
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof Refused) return `${thrown.layer}: ${thrown.message}.`;
  return thrown instanceof EnclaveError ? thrown.message : String(thrown);
}
