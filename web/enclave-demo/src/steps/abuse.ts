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
    "A relay can abuse its lease until the lease expires or you end it. To end it, rotate the VAPID key, subscribe again, and lend only to relays you trust. The lease of Relay North is then useless, even if the relay learns the new address.",
  );
  let old: string | undefined;
  const spam = async () => {
    for (const text of ["You have won!", "Click here now!", "Last chance!!!"]) await pushState.send("north", text);
    step.bad("Three unwanted messages.", "They were sent with a valid lease; see step 3.");
  };
  const stop = async () => {
    await pushState.end();
    const rotated = await pushState.rotate();
    old = rotated.old;
    await pushState.subscribe();
    await pushState.lend("south");
    step.good(
      "Stopped.",
      `The key is now ${short(rotated.now)}, the subscription is new, and only Relay South has a lease.`,
    );
  };
  const again = async () => {
    const [before, learnt] = await pushState.send("north", "Me again!", pushState.subscribed?.address);
    if (before?.error === undefined || learnt?.error === undefined)
      step.bad("It was delivered.", "This must not happen.");
    else
      step.good("It was rejected.", `Old address: ${said(before)}. New address with the old lease: ${said(learnt)}.`);
  };
  const south = async () => showDelivery(step, (await pushState.send("south", "The baker says: thank you."))[0]);
  const revoke = async () => {
    await state.enclave.calls.revoke({ kid: old ?? "" });
    old = undefined;
    step.good("Revoked.", "No backup can restore the old key.");
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
