// The page's Web Push state: its key, its subscription, and the relays with a lease. One subscription at a time.

import type { AppState } from "../app_state.ts";
import { type Address, postJson, type Subscription, subscribeAtStandIn, subscribeInBrowser } from "./subscription.ts";

export type Relay = "north" | "south";
export type Where = "stand-in" | "browser";

/** The delivery result of one message. */
export interface Sent {
  readonly error?: string;
  readonly message?: string;
}

/** The contact address for abuse reports. */
const CONTACT = "mailto:demo@briefcase.example";

export class PushState extends EventTarget {
  readonly received: { readonly text: string; readonly at: Date }[] = [];
  readonly leased = new Set<Relay>();
  subscribed: Subscription | undefined;
  where: Where = "stand-in";
  #from: Where | undefined;

  constructor(readonly state: AppState) {
    super();
  }

  /** Generates a VAPID key if needed, and subscribes with its public half. */
  async subscribe(): Promise<void> {
    const { enclave, saved } = this.state;
    const kid = saved.push?.kid ?? (await this.#makeKey());
    const { publicKey } = await enclave.calls.publicKey({ kid, format: "raw" });
    if (!(publicKey instanceof ArrayBuffer)) throw new Error("The enclave returned no raw public key.");
    const onMessage = (text: string) => {
      this.received.push({ text, at: new Date() });
      this.#changed();
    };
    // A browser has one subscription, so the old one ends first. The stand-in has many, so there the old one ends
    // afterwards.
    if (this.where === "browser" && this.#from === "browser") await this.end();
    const made =
      this.where === "browser"
        ? await subscribeInBrowser(publicKey, onMessage)
        : await subscribeAtStandIn(this.state.config.push, publicKey, onMessage);
    await this.end();
    this.#from = this.where;
    this.subscribed = made;
    this.#changed();
  }

  async end(): Promise<void> {
    await this.subscribed?.end();
    this.subscribed = undefined;
    this.leased.clear();
    this.#changed();
  }

  /** Lends a relay a token for this subscription, for two hours. Returns the expiry. */
  async lend(relay: Relay): Promise<Date> {
    const { subscribed, state } = this;
    const kid = state.saved.push?.kid;
    if (subscribed === undefined || kid === undefined) throw new Error("Subscribe first.");
    const { audience: aud, address: subscription } = subscribed;
    const lease = await state.enclave.calls.vapidHeaders({ kid, aud, sub: CONTACT, relay: true });
    await postJson(`${state.config.relay}/${relay}`, { subscription, authorization: lease.Authorization });
    this.leased.add(relay);
    this.#changed();
    return new Date(lease.exp * 1000);
  }

  /** Makes a relay send. `learnt` adds an address that the relay was never given. */
  async send(relay: Relay, text: string, learnt?: Address): Promise<readonly Sent[]> {
    const body = { text, ...(learnt === undefined ? {} : { subscription: learnt }) };
    const { sent } = await postJson(`${this.state.config.relay}/${relay}/send`, body);
    return Array.isArray(sent) ? sent : [];
  }

  /** Replaces the key. */
  async rotate(): Promise<{ readonly old: string; readonly now: string }> {
    const old = this.state.saved.push?.kid ?? "";
    const { kid, publicKey } = await this.state.enclave.calls.rotate({ kid: old });
    this.state.save({ push: { kid, publicKey } });
    return { old, now: kid };
  }

  async #makeKey(): Promise<string> {
    const { kid, publicKey } = await this.state.enclave.calls.generate({ alg: "ES256", purpose: "vapid" });
    this.state.save({ push: { kid, publicKey } });
    return kid;
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
    this.state.dispatchEvent(new Event("change"));
  }
}
