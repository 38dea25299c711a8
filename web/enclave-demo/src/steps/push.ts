import type { AppState } from "../app_state.ts";
import { el, facts, mono, short } from "../element.ts";
import type { PushState, Sent, Where } from "../push/push_state.ts";
import { row, Step } from "../step.ts";

const PLACES: readonly (readonly [Where, string])[] = [
  ["stand-in", "a stand-in for a push service on this machine, as strict as the real ones"],
  ["browser", "this browser’s own push service (needs the Internet and your permission)"],
];

export function push(state: AppState, pushState: PushState): Step {
  const step = new Step(
    state,
    "push",
    3,
    "Let a relay notify you",
    "Push services require a signature by a VAPID key. The key stays in the enclave; a relay gets a token for one push service, for two hours. The message is encrypted for this page: neither enclave nor push service can read it.",
  );
  const shown = el("dl", { class: "facts" });
  const subscribe = async () => {
    await pushState.subscribe();
    step.good("Subscribed.", "A relay with the address and a lease of this key can send messages.");
  };
  const lend = async () => {
    const end = await pushState.lend("north");
    step.good(
      "Lent.",
      `Relay North may send through ${pushState.subscribed?.audience ?? ""} until ${end.toLocaleTimeString()}.`,
    );
  };
  const send = async () => {
    const [sent] = await pushState.send("north", "Your parcel has arrived.");
    showDelivery(step, sent);
  };
  const notSubscribed = () => (pushState.subscribed === undefined ? "Subscribe first." : undefined);
  const noLease = () =>
    notSubscribed() ?? (pushState.leased.has("north") ? undefined : "Lend Relay North a token first.");
  const show = () => {
    const { subscribed } = pushState;
    if (subscribed === undefined) shown.replaceChildren();
    else {
      const kid = state.saved.push?.kid ?? "";
      const lent =
        pushState.leased.size === 0 ? "no relay" : [...pushState.leased].map(name => `Relay ${named(name)}`).join(", ");
      facts(shown, { Address: mono(subscribed.address.endpoint), "VAPID key": mono(short(kid)), "Lent to": lent });
    }
  };
  pushState.addEventListener("change", show);
  step.add(
    places(pushState),
    row(
      step.button("Subscribe", "first", subscribe),
      step.button("Lend Relay North two hours", "", lend, notSubscribed),
      step.button("Have it notify me", "", send, noLease),
    ),
    shown,
    feed(pushState),
  );
  return step;
}

export const named = (relay: string): string => `${relay.charAt(0).toUpperCase()}${relay.slice(1)}`;

/** Shows the response of the push service. */
export function showDelivery(step: Step, sent: Sent | undefined): void {
  if (sent?.error === undefined) step.good("Sent.", "The push service accepted it: the lease is valid.");
  else step.bad("Not sent.", sent.message ?? sent.error);
}

function places(pushState: PushState): HTMLElement {
  const choices = PLACES.map(([where, text]) => {
    const input = el("input", { type: "radio", name: "where", value: where });
    input.checked = where === pushState.where;
    input.addEventListener("change", () => {
      pushState.where = where;
    });
    return el("label", { class: "choice" }, input, el("span", {}, text));
  });
  return el("fieldset", {}, el("legend", {}, "Receive through"), ...choices);
}

/** Lists received messages, newest first; screen readers announce them. */
function feed(pushState: PushState): HTMLElement {
  const list = el("ul", { class: "feed", "aria-live": "polite", "aria-label": "Notifications" });
  let shown = 0;
  pushState.addEventListener("change", () => {
    for (const { text, at } of pushState.received.slice(shown)) {
      list.prepend(el("li", {}, text, el("small", {}, `Received and opened at ${at.toLocaleTimeString()}`)));
    }
    shown = pushState.received.length;
  });
  return list;
}
