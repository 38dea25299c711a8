// A host page that uses the enclave: it connects, shows the state, and lists the steps.

import {
  defineEnclaveStatus,
  Enclave,
  type EnclaveStatus,
  mayAsk,
  Refused,
  type Trust,
} from "../../enclave-bridge/src/index.ts";
import { ReleaseVerifier } from "../../release-verifier/bindings.ts";
import { AppState, type Config } from "./app_state.ts";
import { el } from "./element.ts";
import { PushState } from "./push/push_state.ts";
import { postJson } from "./push/subscription.ts";
import { abuse } from "./steps/abuse.ts";
import { cheating } from "./steps/cheating.ts";
import { keys } from "./steps/keys.ts";
import { push } from "./steps/push.ts";
import { record } from "./steps/record.ts";
import { recovery } from "./steps/recovery.ts";
import { rotation } from "./steps/rotation.ts";
import { signing } from "./steps/signing.ts";

async function start(main: HTMLElement): Promise<void> {
  const config: Config = await (await fetch("config.json")).json();
  // Resets the tampering of an earlier visit: a reloaded page starts with an unmodified server.
  await postJson(`${config.relay}/cheat/honest`);
  const enclave = Enclave.create({ url: config.enclave, ...(await trustOf(config)) });
  const state = new AppState(enclave, config);
  const pushState = new PushState(state);
  defineEnclaveStatus();
  const status = document.querySelector<EnclaveStatus>("briefcase-enclave-status");
  if (status !== null) status.enclave = enclave;
  confirmationBar(enclave);
  const steps = [
    keys(state),
    signing(state),
    push(state, pushState),
    rotation(state),
    abuse(state, pushState),
    recovery(state),
    cheating(state),
    record(state),
  ];
  main.append(...steps.map(step => step.section));
  await enclave.open();
  await state.dropMissingKeys();
  main.setAttribute("aria-busy", "false");
}

/** Returns the trust configuration: a digest, or a policy with the release verifier. */
async function trustOf({ pin }: Config): Promise<Trust> {
  if (pin !== null) return { pin };
  const [policy, wasm] = await Promise.all(["policy.json", "verifier.wasm"].map(bytesOf));
  if (policy === undefined || wasm === undefined) throw new Error("The policy or the verifier is missing.");
  const verifier = await ReleaseVerifier.load(wasm, (layer, code, message) => new Refused(layer, code, message));
  return { policy, verifier };
}

async function bytesOf(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} returned status ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Shows a button for confirmations in a popup, which only a click on this page can open. */
function confirmationBar(enclave: Enclave): void {
  const bar = document.querySelector<HTMLElement>("#question");
  const button = bar?.querySelector("button");
  button?.addEventListener("click", () => enclave.showQuestion());
  enclave.addEventListener("change", () => {
    const at = enclave.snapshot;
    const asks = mayAsk(at) && at.state === "needs-gesture" && at.question === "window";
    if (bar === null || bar.hidden === !asks) return;
    bar.hidden = !asks;
    if (asks) button?.focus();
  });
}

const main = document.querySelector("main");
if (main !== null) {
  start(main).catch((thrown: unknown) => {
    // The status element already shows a refusal of the enclave.
    if (main.childElementCount === 0)
      main.append(el("p", { role: "alert" }, `This page could not start: ${String(thrown)}`));
  });
}
