// The host page of the push cases: an enclave, a VAPID key in it, and a subscription with that key.

import { Host, type Loose, read } from "../host.ts";
import type { World } from "../world.ts";
import type { PushEngine } from "./browser.ts";
import { type Given, subscribe } from "./page.ts";
import type { Reply, Rust } from "./rust.ts";

export const SUB = "mailto:relay@example.org";

export class PushHost {
  private constructor(
    readonly engine: PushEngine,
    readonly host: Host,
    readonly rust: Rust,
    readonly root: string,
  ) {}

  static async open(engine: PushEngine, world: World, rust: Rust, root: string): Promise<PushHost> {
    return new PushHost(engine, await Host.open(engine, world.named), rust, root);
  }

  /** The origin of the push service, for leases. */
  get audience(): string {
    return this.engine.service.origin;
  }

  /** Creates a VAPID key and a subscription with it; replaces an earlier one. */
  async subscribed(): Promise<{ kid: string; key: Buffer; given: Given }> {
    const { kid } = await this.host.generate("ES256", "vapid");
    const key = await this.key(kid);
    return { kid, key, given: await subscribe(this.host.tab, key.toString("base64")) };
  }

  async key(kid: string): Promise<Buffer> {
    return read((await this.host.call("publicKey", { kid })).publicKey);
  }

  /** Returns the `Authorization` that the enclave leases to a relay. */
  async lease(kid: string, aud = this.audience): Promise<string> {
    return (await this.host.call("vapidHeaders", { kid, aud, sub: SUB, relay: true })).Authorization;
  }

  /** Maps an endpoint to the stand-in. */
  here({ endpoint }: Given): string {
    return this.engine.service.here(endpoint);
  }

  /** Sends as a relay that has only this lease. */
  send(given: Given, authorization: string, more: object = {}): Promise<Reply> {
    const subscription = { ...given, endpoint: this.here(given) };
    const trust = { local: true, roots: [this.root] };
    return this.rust.ask({ do: "send", subscription, authorization, ttl: 60, ...trust, ...more });
  }

  call(method: string, params: object): Promise<Loose> {
    return this.host.call(method, params);
  }
}
