import type { Desk } from "../desk.ts";
import { el, facts, mono, short } from "../element.ts";
import type { Mail, Sent, Where } from "../push/mail.ts";
import { row, Step } from "../step.ts";

const PLACES: readonly (readonly [Where, string])[] = [
  ["stand-in", "a stand-in for a push service on this machine, as strict as the real ones"],
  ["browser", "this browser’s own push service (needs the Internet, and your leave)"],
];

export function push(desk: Desk, mail: Mail): Step {
  const step = new Step(
    desk,
    "push",
    3,
    "Let a relay notify you",
    "Push services want a signature under a VAPID key. The key stays in the enclave; a relay is lent a token for one push service, for two hours. The message is sealed for this page: neither enclave nor push service can read it.",
  );
  const shown = el("dl", { class: "facts" });
  const subscribe = async () => {
    await mail.subscribe();
    step.good("Subscribed.", "Whoever knows the address and holds a lease under this key can write to it.");
  };
  const lend = async () => {
    const end = await mail.lend("north");
    step.good(
      "Lent.",
      `Relay North may send through ${mail.subscribed?.audience ?? ""} until ${end.toLocaleTimeString()}.`,
    );
  };
  const send = async () => {
    const [sent] = await mail.send("north", "Your parcel is at the door.");
    told(step, sent);
  };
  const none = () => (mail.subscribed === undefined ? "Subscribe first." : undefined);
  const nobody = () => none() ?? (mail.leased.has("north") ? undefined : "Lend Relay North a token first.");
  const show = () => {
    const { subscribed } = mail;
    if (subscribed === undefined) shown.replaceChildren();
    else {
      const kid = desk.notes.push?.kid ?? "";
      const lent = mail.leased.size === 0 ? "nobody" : [...mail.leased].map(name => `Relay ${named(name)}`).join(", ");
      facts(shown, { Address: mono(subscribed.address.endpoint), "VAPID key": mono(short(kid)), "Lent to": lent });
    }
  };
  mail.addEventListener("change", show);
  step.add(
    places(mail),
    row(
      step.button("Subscribe", "first", subscribe),
      step.button("Lend Relay North two hours", "", lend, none),
      step.button("Have it notify me", "", send, nobody),
    ),
    shown,
    feed(mail),
  );
  return step;
}

export const named = (relay: string): string => `${relay.charAt(0).toUpperCase()}${relay.slice(1)}`;

/** Says what the push service answered. */
export function told(step: Step, sent: Sent | undefined): void {
  if (sent?.error === undefined) step.good("Sent.", "The push service took it: the lease was good.");
  else step.bad("Not sent.", sent.message ?? sent.error);
}

function places(mail: Mail): HTMLElement {
  const choices = PLACES.map(([where, text]) => {
    const input = el("input", { type: "radio", name: "where", value: where });
    input.checked = where === mail.where;
    input.addEventListener("change", () => {
      mail.where = where;
    });
    return el("label", { class: "choice" }, input, el("span", {}, text));
  });
  return el("fieldset", {}, el("legend", {}, "Receive through"), ...choices);
}

/** What came, newest first; read out as it comes. */
function feed(mail: Mail): HTMLElement {
  const list = el("ul", { class: "feed", "aria-live": "polite", "aria-label": "Notifications" });
  let shown = 0;
  mail.addEventListener("change", () => {
    for (const { text, at } of mail.heard.slice(shown)) {
      list.prepend(el("li", {}, text, el("small", {}, `Received and opened at ${at.toLocaleTimeString()}`)));
    }
    shown = mail.heard.length;
  });
  return list;
}
