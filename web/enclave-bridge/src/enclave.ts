// An enclave as a host page holds it: verified first, then embedded, then asked; refused or lost, it answers nothing.

import type { Method, Open, Params, Result, Storage, Event as Unasked } from "../../protocol/src/index.ts";
import { type Calls, callsOf } from "./calls.ts";
import { type CallOptions, Channel } from "./channel.ts";
import { EnclaveFrame, enforcesPolicies } from "./frame.ts";
import { Handshake, type Lost } from "./handshake.ts";
import { type Memory, Remembered } from "./memory.ts";
import { Refused } from "./refused.ts";
import { type Checking, type Trust, VerifiedRelease } from "./release.ts";
import { after, type Happened, mayAsk, type Snapshot } from "./state.ts";

export type EnclaveOptions = Trust & {
  /** The exact address of the enclave's page, `https://…/kms.html`, on an origin of its own. */
  readonly url: string;
  /** Where the frame is put; the body otherwise. Nothing is seen of it until a person is asked. */
  readonly container?: Element;
  /** `memory` keys end with the page. */
  readonly storage?: Storage;
  /** Where this page remembers what it has seen; `localStorage` otherwise. */
  readonly memory?: Memory;
  /** Milliseconds for each file, and for the frame to start; 20 seconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
};

/** How long a probe may take before a silent enclave counts as gone. */
const PROBE = 10_000;

const CLOSED = new Refused("channel", "closed", "it was closed before it was open");

export class Enclave extends EventTarget {
  /** Every method of the protocol. Refused unless the enclave is verified. */
  readonly calls: Calls = callsOf((method, params, options) => this.call(method, params, options));
  readonly #options: EnclaveOptions;
  readonly #checking: Checking;
  #snapshot: Snapshot;
  #live:
    | {
        readonly release: VerifiedRelease;
        readonly frame: EnclaveFrame;
        readonly shaking: Handshake;
        channel?: Channel;
      }
    | undefined;
  #probing = false;
  #opening: Promise<this> | undefined;
  /** Grows with `close`: an opening that was under way then comes to nothing. */
  #closed = 0;

  private constructor(options: EnclaveOptions) {
    super();
    const url = pageOf(options.url);
    this.#options = options;
    const remembered = new Remembered(options.memory ?? localStorage, url);
    const line = {
      fetch: globalThis.fetch.bind(globalThis),
      timeout: options.timeout ?? 20_000,
      signal: options.signal,
    };
    this.#checking = { url, trust: options, remembered, line, now: () => Date.now() };
    this.#snapshot = { state: "checking", url: url.href, enforced: enforcesPolicies() ? "browser" : "outside" };
  }

  /** An enclave that nothing was done with yet; hand it to a status element, then `open` it. */
  static create(options: EnclaveOptions): Enclave {
    return new Enclave(options);
  }

  /** Verifies, embeds and opens. Throws `Refused`. */
  static connect(options: EnclaveOptions): Promise<Enclave> {
    return new Enclave(options).open();
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Verifies and loads the enclave, anew if it was there already. Whoever asks while it opens gets the same opening. */
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
    this.#drop(new Refused("channel", "closed", "the enclave is loaded anew"));
    this.#tell({ kind: "check" });
    try {
      const release = await VerifiedRelease.check(this.#checking);
      if (closed !== this.#closed) throw CLOSED;
      await this.#embed(release);
      return this;
    } catch (thrown) {
      if (closed !== this.#closed) throw CLOSED;
      throw this.#refuse(Refused.of(thrown));
    }
  }

  /** Verifies what runs, once more; opens what is lost or was refused. Without network a verified enclave stays so. */
  async verify(): Promise<Snapshot> {
    const live = this.#live;
    if (live === undefined || !mayAsk(this.#snapshot)) return (await this.open()).snapshot;
    try {
      const again = await VerifiedRelease.check(this.#checking, live.release);
      if (this.#live === live) this.#tell({ kind: "verified", release: again.facts });
    } catch (thrown) {
      const refused = Refused.of(thrown);
      if (!refused.transient) throw this.#refuse(refused);
      this.#tell({ kind: "unclear", notice: refused });
    }
    return this.snapshot;
  }

  /** Asks the enclave. This is the only way to it. */
  async call<M extends Method>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>> {
    const channel = this.#live?.channel;
    const { refused, release } = this.#snapshot;
    if (channel === undefined || !mayAsk(this.#snapshot)) {
      throw refused ?? new Refused("channel", "not_verified", "the enclave is not verified, so it is not asked");
    }
    if (release?.expires !== undefined && this.#checking.now() >= release.expires * 1000) {
      throw this.#refuse(new Refused("expiry", "expired", "the manifest ended while this page was open"));
    }
    const result = await channel.call(method, params, options);
    if (method === "reset") this.#keep((result as Result<"reset">).store, false);
    return result;
  }

  /** Shows a question that waits: in the frame, or in a window. The window needs a click of the person. */
  showQuestion(): void {
    if (this.#snapshot.question === "frame") this.#live?.frame.reveal();
    else if (this.#snapshot.question === "window") {
      window.open(this.#checking.url.href, "briefcase-enclave", "popup,width=520,height=640");
    }
  }

  close(): void {
    this.#closed += 1;
    if (this.#live !== undefined) this.#lose("closed");
    else if (this.#opening !== undefined) this.#refuse(CLOSED);
    this.#opening = undefined;
  }

  async #embed(release: VerifiedRelease): Promise<void> {
    const { container = document.body, storage = "disk", signal } = this.#options;
    const { url, remembered, line } = this.#checking;
    const known = storage === "disk" ? remembered.store : undefined;
    const open: Open = { briefcase: "open", storage, ...(known === undefined ? {} : { store: known }) };
    const frame = new EnclaveFrame(url, release);
    const lost = (why: Lost) => this.#lose(why);
    const shaking = new Handshake(frame, { container, open, timeout: line.timeout, signal, lost });
    this.#live = { release, frame, shaking };
    const live = this.#live;
    const channel = new Channel(await shaking.shake(), {
      event: event => this.#event(event),
      malformed: () => this.#lose("malformed"),
      silent: () => void this.#probe(),
    });
    live.channel = channel;
    // The store may be away; then every method says so, and this page need not.
    const status = await channel.call("status", {}, { timeout: line.timeout }).catch(unlessRefused);
    if (this.#live !== live) throw new Refused("channel", "closed", "the enclave went away while it started");
    this.#tell({ kind: "verified", release: release.facts });
    if (status === undefined) return;
    this.#keep(status.store, status.lost);
  }

  /** Which store of keys is there, so that the next visit notices when it is not. */
  #keep(store: string, lost: boolean): void {
    const { storage = "disk" } = this.#options;
    if (storage === "disk" && !lost) this.#checking.remembered.store = store;
    this.#tell({ kind: "store", lost });
  }

  #event(event: Unasked): void {
    const frame = this.#live?.frame;
    if (event.event === "hide") {
      frame?.hide();
      this.#tell({ kind: "answered" });
      return;
    }
    if (event.event === "show") frame?.show(event.width, event.height);
    this.#tell({ kind: "asked", where: event.event === "show" ? "frame" : "window" });
  }

  /** A request was not answered: is anybody there? */
  async #probe(): Promise<void> {
    const channel = this.#live?.channel;
    if (this.#probing || channel === undefined) return;
    this.#probing = true;
    try {
      await channel.call("version", {}, { timeout: PROBE });
    } catch {
      if (this.#live?.channel === channel) this.#lose("no_answer");
    } finally {
      this.#probing = false;
    }
  }

  #lose(why: Lost): void {
    this.#drop(new Refused("channel", why, "the connection to the enclave is gone"));
    this.#tell({ kind: "lost", lost: why });
  }

  #refuse(refused: Refused): Refused {
    this.#drop(refused);
    this.#tell({ kind: "refused", refused });
    return refused;
  }

  #drop(why: Refused): void {
    const live = this.#live;
    this.#live = undefined;
    live?.shaking.stop();
    live?.channel?.end(why);
    live?.frame.remove();
  }

  #tell(happened: Happened): void {
    this.#snapshot = after(this.#snapshot, happened);
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
    throw new Refused("browser", "address", "the enclave's address is not https");
  if (!/\/kms\.html$/.test(url.href))
    throw new Refused("browser", "address", "the enclave's address ends with /kms.html");
  if (url.origin === location.origin)
    throw new Refused("browser", "same_origin", "an enclave needs an origin of its own");
  return url;
}
