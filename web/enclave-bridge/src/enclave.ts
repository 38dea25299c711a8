// The enclave as a host page uses it. It is verified, then embedded, then called. A refused or lost enclave answers no
// call.

import type { Method, Open, Params, Result, Storage, Event as Unasked } from "../../protocol/src/index.ts";
import { type Calls, callsOf } from "./calls.ts";
import { type CallOptions, Channel } from "./channel.ts";
import { EnclaveFrame, enforcesPolicies } from "./frame.ts";
import { Handshake, type LostReason } from "./handshake.ts";
import { HostMemory, type Memory } from "./host_memory.ts";
import { Refused } from "./refused.ts";
import { type CheckContext, type Trust, VerifiedRelease } from "./release.ts";
import { mayAsk, nextSnapshot, type Snapshot, type StateEvent } from "./state.ts";

export type EnclaveOptions = Trust & {
  /** The exact address of the enclave's page, `https://…/kms.html`, on its own origin. */
  readonly url: string;
  /** The parent element of the frame; the default is the body. The frame stays invisible until a confirmation. */
  readonly container?: Element;
  /** Keys in `memory` end with the page. */
  readonly storage?: Storage;
  /** The storage for rollback state; the default is `localStorage`. */
  readonly memory?: Memory;
  /** Milliseconds for each file, and for the frame to start; the default is 20 seconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
};

/** Milliseconds after which an unresponsive enclave counts as lost. */
const PROBE_TIMEOUT = 10_000;

const CLOSED = new Refused("channel", "closed", "the enclave was closed before it opened");

export class Enclave extends EventTarget {
  /** Every method of the protocol. Refused unless the enclave is verified. */
  readonly calls: Calls = callsOf((method, params, options) => this.call(method, params, options));
  readonly #options: EnclaveOptions;
  readonly #context: CheckContext;
  #snapshot: Snapshot;
  #connection:
    | {
        readonly release: VerifiedRelease;
        readonly frame: EnclaveFrame;
        readonly handshake: Handshake;
        channel?: Channel;
      }
    | undefined;
  #probing = false;
  #opening: Promise<this> | undefined;
  /** Incremented by `close`, which cancels an `open` in progress. */
  #closed = 0;

  private constructor(options: EnclaveOptions) {
    super();
    const url = pageOf(options.url);
    this.#options = options;
    const memory = new HostMemory(options.memory ?? localStorage, url);
    const fetchOptions = {
      fetch: globalThis.fetch.bind(globalThis),
      timeout: options.timeout ?? 20_000,
      signal: options.signal,
    };
    this.#context = { url, trust: options, memory, fetchOptions, now: () => Date.now() };
    this.#snapshot = { state: "checking", url: url.href, enforced: enforcesPolicies() ? "browser" : "outside" };
  }

  /** Creates an enclave without loading it. Pass it to a status element, then call `open`. */
  static create(options: EnclaveOptions): Enclave {
    return new Enclave(options);
  }

  /** Verifies, embeds and opens the enclave. Throws `Refused`. */
  static connect(options: EnclaveOptions): Promise<Enclave> {
    return new Enclave(options).open();
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Verifies and loads the enclave, or reloads it. Concurrent callers share one attempt. */
  open(): Promise<this> {
    if (this.#opening === undefined) {
      const opening = this.#open().finally(() => {
        if (this.#opening === opening) this.#opening = undefined;
      });
      this.#opening = opening;
    }
    return this.#opening;
  }

  async #open(): Promise<this> {
    const closed = this.#closed;
    this.#disconnect(new Refused("channel", "closed", "the enclave is being reloaded"));
    this.#update({ kind: "check" });
    try {
      const release = await VerifiedRelease.check(this.#context);
      if (closed !== this.#closed) throw CLOSED;
      await this.#embed(release);
      return this;
    } catch (thrown) {
      if (closed !== this.#closed) throw CLOSED;
      throw this.#refuse(Refused.of(thrown));
    }
  }

  /**
   * Verifies the running release again, or opens a lost or refused enclave. A network failure leaves a verified enclave
   * verified.
   */
  async verify(): Promise<Snapshot> {
    const connection = this.#connection;
    if (connection === undefined || !mayAsk(this.#snapshot)) return (await this.open()).snapshot;
    try {
      const again = await VerifiedRelease.check(this.#context, connection.release);
      if (this.#connection === connection) this.#update({ kind: "verified", release: again.facts });
    } catch (thrown) {
      const refused = Refused.of(thrown);
      if (!refused.transient) throw this.#refuse(refused);
      this.#update({ kind: "unclear", notice: refused });
    }
    return this.snapshot;
  }

  /** Calls a method. This is the only way to send a request to the enclave. */
  async call<M extends Method>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>> {
    const channel = this.#connection?.channel;
    const { refused, release } = this.#snapshot;
    if (channel === undefined || !mayAsk(this.#snapshot)) {
      throw refused ?? new Refused("channel", "not_verified", "the enclave is not verified");
    }
    if (release?.expires !== undefined && this.#context.now() >= release.expires * 1000) {
      throw this.#refuse(new Refused("expiry", "expired", "the manifest expired while this page was open"));
    }
    const result = await channel.call(method, params, options);
    if (method === "reset") this.#rememberStore((result as Result<"reset">).store, false);
    return result;
  }

  /** Shows a pending confirmation, in the frame or in a popup. The popup needs a click by the user. */
  showQuestion(): void {
    if (this.#snapshot.question === "frame") this.#connection?.frame.reveal();
    else if (this.#snapshot.question === "window") {
      window.open(this.#context.url.href, "briefcase-enclave", "popup,width=520,height=640");
    }
  }

  close(): void {
    this.#closed += 1;
    if (this.#connection !== undefined) this.#lose("closed");
    else if (this.#opening !== undefined) this.#refuse(CLOSED);
    this.#opening = undefined;
  }

  async #embed(release: VerifiedRelease): Promise<void> {
    const { container = document.body, storage = "disk", signal } = this.#options;
    const { url, memory, fetchOptions } = this.#context;
    const known = storage === "disk" ? memory.store : undefined;
    const open: Open = { briefcase: "open", storage, ...(known === undefined ? {} : { store: known }) };
    const frame = new EnclaveFrame(url, release);
    const lost = (why: LostReason) => this.#lose(why);
    const handshake = new Handshake(frame, { container, open, timeout: fetchOptions.timeout, signal, lost });
    this.#connection = { release, frame, handshake };
    const connection = this.#connection;
    const channel = new Channel(await handshake.run(), {
      event: event => this.#event(event),
      malformed: () => this.#lose("malformed"),
      timedOut: () => void this.#probe(),
    });
    connection.channel = channel;
    // The store may be unavailable. Then every method reports it, and this page continues.
    const status = await channel.call("status", {}, { timeout: fetchOptions.timeout }).catch(unlessRefused);
    if (this.#connection !== connection)
      throw new Refused("channel", "closed", "the enclave was closed while it started");
    this.#update({ kind: "verified", release: release.facts });
    if (status === undefined) return;
    this.#rememberStore(status.store, status.lost);
  }

  /** Remembers the store id, so that the next visit notices a loss. */
  #rememberStore(store: string, lost: boolean): void {
    const { storage = "disk" } = this.#options;
    if (storage === "disk" && !lost) this.#context.memory.store = store;
    this.#update({ kind: "store", lost });
  }

  #event(event: Unasked): void {
    const frame = this.#connection?.frame;
    if (event.event === "hide") {
      frame?.hide();
      this.#update({ kind: "answered" });
      return;
    }
    if (event.event === "show") frame?.show(event.width, event.height);
    this.#update({ kind: "asked", where: event.event === "show" ? "frame" : "window" });
  }

  /** Checks whether the enclave still responds, after a request timed out. */
  async #probe(): Promise<void> {
    const channel = this.#connection?.channel;
    if (this.#probing || channel === undefined) return;
    this.#probing = true;
    try {
      await channel.call("version", {}, { timeout: PROBE_TIMEOUT });
    } catch {
      if (this.#connection?.channel === channel) this.#lose("no_answer");
    } finally {
      this.#probing = false;
    }
  }

  #lose(why: LostReason): void {
    this.#disconnect(new Refused("channel", why, "the connection to the enclave was lost"));
    this.#update({ kind: "lost", lost: why });
  }

  #refuse(refused: Refused): Refused {
    this.#disconnect(refused);
    this.#update({ kind: "refused", refused });
    return refused;
  }

  #disconnect(why: Refused): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.handshake.stop();
    connection?.channel?.end(why);
    connection?.frame.remove();
  }

  #update(event: StateEvent): void {
    this.#snapshot = nextSnapshot(this.#snapshot, event);
    this.dispatchEvent(new Event("change"));
  }
}

function unlessRefused(thrown: unknown): undefined {
  if (thrown instanceof Refused) throw thrown;
  return undefined;
}

function pageOf(address: string): URL {
  const url = new URL(address);
  const local = url.protocol === "http:" && /(^|\.)localhost$|^127\.0\.0\.1$/.test(url.hostname);
  if (url.protocol !== "https:" && !local)
    throw new Refused("browser", "address", "the enclave's address must use https");
  if (!/\/kms\.html$/.test(url.href))
    throw new Refused("browser", "address", "the enclave's address must end with /kms.html");
  if (url.origin === location.origin)
    throw new Refused("browser", "same_origin", "the enclave must have its own origin");
  return url;
}
