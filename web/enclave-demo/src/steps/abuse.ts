import type { AppState } from "../app_state.ts";
import { short } from "../element.ts";
import type { PushState, Sent } from "../push/push_state.ts";
import { row, Step } from "../step.ts";
import { showDelivery } from "./push.ts";

export function abuse(state: AppState, pushState: PushState): Step {
  const step = new Step(
    state,
    "abuse",
    5,
    "Stop a relay that misbehaves",
    "A relay can do with its lease what it likes, until it ends or you end it: rotate the VAPID key, subscribe anew, and lend only to relays you trust. What Relay North holds is then worth nothing, even if it learns the new address.",
  );
  let old: string | undefined;
  const spam = async () => {
    for (const text of ["You have won!", "Click here now!", "Last chance!!!"]) await pushState.send("north", text);
    step.bad("Three messages that you did not want.", "They came with a good lease; see step 3.");
  };
  const stop = async () => {
    await pushState.end();
    const rotated = await pushState.rotate();
    old = rotated.old;
    await pushState.subscribe();
    await pushState.lend("south");
    step.good(
      "Stopped.",
      `The key is ${short(rotated.now)} now, the subscription is new, and only Relay South has a lease.`,
    );
  };
  const again = async () => {
    const [before, learnt] = await pushState.send("north", "Me again!", pushState.subscribed?.address);
    if (before?.error === undefined || learnt?.error === undefined)
      step.bad("It got through.", "That must not happen.");
    else step.good("It got nowhere.", `Old address: ${said(before)}. New address with the old lease: ${said(learnt)}.`);
  };
  const south = async () => showDelivery(step, (await pushState.send("south", "The baker says: thank you."))[0]);
  const revoke = async () => {
    await state.enclave.calls.revoke({ kid: old ?? "" });
    old = undefined;
    step.good("Revoked.", "The old key is a tombstone: it can come back from no backup.");
    state.save({});
  };
  const noLease = () => (pushState.leased.has("north") ? undefined : "Relay North has no lease (step 3).");
  const notYet = () => (old === undefined ? "Stop Relay North first." : undefined);
  const noSouth = () =>
    pushState.leased.has("south") ? undefined : "Stop Relay North first; Relay South gets a lease then.";
  return step.add(
    row(step.button("Let Relay North misbehave", "", spam, noLease), step.button("Stop it", "first", stop, noLease)),
    row(
      step.button("Let it try again", "", again, noSouth),
      step.button("Have Relay South notify me", "", south, noSouth),
      step.button("Revoke the old key for good…", "grave", revoke, notYet),
    ),
  );
}

function said({ error = "", message = "" }: Sent): string {
  return error === "gone" ? "gone" : message.length > 0 ? message : error;
}
