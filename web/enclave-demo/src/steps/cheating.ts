import { EnclaveError, Refused } from "../../../enclave-bridge/src/index.ts";
import type { AppState } from "../app_state.ts";
import { el } from "../element.ts";
import { postJson } from "../push/subscription.ts";
import { row, Step } from "../step.ts";

const CHEATS: readonly (readonly [string, string])[] = [
  ["module", "change one byte of the module"],
  ["page", "put a script into its page"],
  ["headers", "allow itself the network"],
];

/** What shows only where the release is verified by policy. */
const SIGNED: typeof CHEATS = [
  ["manifest", "claim a newer release in the signed manifest"],
  ["proof", "withhold the proof that the release is in the log"],
];

export function cheating(state: AppState): Step {
  const step = new Step(
    state,
    "cheating",
    7,
    "Let the enclave’s server cheat",
    "Before the frame is made, the bridge fetches page, headers and module and compares them with what was released; Chromium then runs nothing else in the frame. A server that cheats is refused, and says so above and here.",
  );
  const cheats = state.config.pin === null ? [...CHEATS, ...SIGNED] : CHEATS;
  const which = el("select", { id: "cheat" }, ...cheats.map(([value, text]) => el("option", { value }, text)));
  const cheat = async () => {
    await postJson(`${state.config.relay}/cheat/${which.value}`);
    await state.enclave.open().then(
      () => step.bad("It was loaded.", "That must not happen."),
      thrown => step.good("Refused, as it should be.", reasonOf(thrown)),
    );
  };
  const honest = async () => {
    await postJson(`${state.config.relay}/cheat/honest`);
    await state.enclave.open();
    await state.dropMissingKeys();
    step.good("Honest again.", "The enclave is verified and loaded; its keys were never touched.");
  };
  return step.add(
    el("label", { for: "cheat" }, "The server will"),
    which,
    row(step.button("Cheat, and load the enclave", "grave", cheat), step.button("Be honest again", "", honest)),
  );
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof Refused) return `${thrown.layer}: ${thrown.message}.`;
  return thrown instanceof EnclaveError ? thrown.message : String(thrown);
}
