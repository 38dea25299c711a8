// Typed bindings to the Rust core. Every operation takes one message and returns one message (see `codec.ts`). Only
// this file knows the fields of each operation.
//
// Sessions and prekeys are opaque bytes that the caller stores sealed.
//
// Invariant: **an operation returns the new state together with the data it releases. Store the state first, then
// release the data.** The input state stays unchanged, so a failed store can be retried.

import type { Reader } from "./codec.ts";
import { type KeyOperations, WasmInstance } from "./wasm_instance.ts";

export { CoreError, type CoreErrorCode, type KeyOperations } from "./wasm_instance.ts";

/** The key algorithms that have a thumbprint. */
export type Algorithm = "ES256" | "Ed25519" | "X25519";

/** A public key and the name by which `KeyOperations` finds its private key. */
export interface NamedKey {
  readonly keyRef: string;
  readonly publicKey: Uint8Array;
}

/** An identity whose private keys `KeyOperations` holds. `card` is its public half, from `identityCard`. */
export interface LocalIdentity {
  readonly card: Uint8Array;
  readonly signing: string;
  readonly agreement: string;
}

/**
 * The number of one-time prekeys, and a last-resort KEM key held by `KeyOperations`. Without that key the core
 * generates one.
 */
export interface PrekeyOptions {
  readonly oneTime: number;
  readonly lastResort?: NamedKey;
}

/**
 * New prekeys: store `prekeys` sealed, publish the rest. Each bundle is given out once; `lastResort` can be given out
 * any number of times.
 */
export interface GeneratedPrekeys {
  readonly prekeys: Uint8Array;
  readonly bundles: readonly Uint8Array[];
  readonly lastResort: Uint8Array;
}

export type Mode = "pqxdh" | "x3dh";

export interface SessionInfo {
  readonly peer: Uint8Array;
  readonly mode: Mode;
  readonly hideHeaders: boolean;
  /** True once the peer has answered: messages no longer carry the handshake. */
  readonly answered: boolean;
}

/**
 * One entry of the audit log, as `docs/enclave.md` defines it. `previous` is the base64url link of the previous entry.
 */
export interface AuditEntry {
  readonly seq: number;
  readonly time: number;
  readonly previous: string;
  readonly method: string;
  readonly kid?: string;
  readonly outcome: "done" | "refused" | "failed";
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

export interface AuditHead {
  readonly kid: string;
  readonly host: string;
  /** The number of entries in the chain. */
  readonly count: number;
  /** The link of the last entry. */
  readonly link: Uint8Array;
}

export interface Lease {
  readonly aud: string;
  readonly sub: string;
  /** Seconds since 1970. */
  readonly now: number;
  /** Seconds; rejected when 0 or above 24 h. */
  readonly ttl: number;
}

export interface ApprovalDecision {
  readonly approval: string;
  readonly decision: "approve" | "deny";
  /** SHA-256 of the operation that would run, base64url. */
  readonly digest: string;
  /** The exact text that the frame showed. */
  readonly text: string;
  readonly host: string;
  readonly kid: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly expires: number;
}

const json = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const EMPTY = new Uint8Array(0);

/** The loaded core. Concurrent operations are queued and run one after the other. */
export class Core {
  readonly #wasm: WasmInstance;

  private constructor(instance: WasmInstance) {
    this.#wasm = instance;
  }

  /** Compiles and starts the module. */
  static async load(bytes: Uint8Array<ArrayBuffer>, keyOperations: KeyOperations): Promise<Core> {
    return new Core(await WasmInstance.load(bytes, keyOperations));
  }

  /** True after a trap: every operation fails. Load a new instance. */
  get poisoned(): boolean {
    return this.#wasm.poisoned;
  }

  /** SHA-256. */
  async digest(bytes: Uint8Array): Promise<Uint8Array> {
    return (await this.#wasm.run(1, [bytes])).bytes();
  }

  /** RFC 7638 thumbprint (base64url) of a raw public key: 65 bytes for ES256, 32 for the others. */
  async thumbprint(algorithm: Algorithm, publicKey: Uint8Array): Promise<string> {
    return (await this.#wasm.run(3, [algorithm, publicKey])).text();
  }

  /** Validates an entry and its position. Returns its canonical bytes and its link. */
  async auditEntry(entry: AuditEntry): Promise<{ entry: Uint8Array; link: Uint8Array }> {
    const out = await this.#wasm.run(4, [json(entry)]);
    return { entry: out.bytes(), link: out.bytes() };
  }

  /** Returns the link of an entry: SHA-256(0x00 ‖ previous ‖ entry). */
  async auditLink(previous: Uint8Array, entry: Uint8Array): Promise<Uint8Array> {
    return (await this.#wasm.run(5, [previous, entry])).bytes();
  }

  /** Returns the bytes that the audit key signs. */
  async auditHead(head: AuditHead): Promise<Uint8Array> {
    return (await this.#wasm.run(6, [head.kid, head.host, head.count, head.link])).bytes();
  }

  /**
   * Verifies entries up to a signed head. Throws the reason of a failure. `previous` is the link before the first
   * entry.
   */
  async auditVerify(
    publicKey: Uint8Array,
    head: Uint8Array,
    signature: Uint8Array,
    previous: Uint8Array,
    entries: readonly Uint8Array[],
  ): Promise<AuditHead> {
    const out = await this.#wasm.run(7, [publicKey, head, signature, previous, ...entries]);
    return { kid: out.text(), host: out.text(), count: out.number(), link: out.bytes() };
  }

  /** Returns the text that a VAPID key signs, `header.claims`, and its expiry. */
  async vapidInput(lease: Lease): Promise<{ input: string; expires: number }> {
    const out = await this.#wasm.run(8, [lease.aud, lease.sub, lease.now, lease.ttl]);
    return { input: out.text(), expires: out.number() };
  }

  /** Returns the bytes that an approval key signs. */
  async approvalInput(decision: ApprovalDecision): Promise<Uint8Array> {
    return (await this.#wasm.run(9, [json(decision)])).bytes();
  }

  /** Generates an ML-KEM-1024 key. `secret` is the 64-byte seed of FIPS 203. */
  async kemGenerate(): Promise<{ secret: Uint8Array; publicKey: Uint8Array }> {
    const out = await this.#wasm.run(16, []);
    return { secret: out.bytes(), publicKey: out.bytes() };
  }

  async kemEncapsulate(publicKey: Uint8Array): Promise<{ ciphertext: Uint8Array; shared: Uint8Array }> {
    const out = await this.#wasm.run(17, [publicKey]);
    return { ciphertext: out.bytes(), shared: out.bytes() };
  }

  async kemDecapsulate(secret: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array> {
    return (await this.#wasm.run(18, [secret, ciphertext])).bytes();
  }

  /** Binds both keys of an identity with a signature of the Ed25519 key. Calls `KeyOperations.sign` once. */
  async identityCard(signing: NamedKey, agreement: NamedKey): Promise<Uint8Array> {
    const fields = [signing.keyRef, signing.publicKey, agreement.keyRef, agreement.publicKey];
    return (await this.#wasm.run(32, fields)).bytes();
  }

  /** Returns sixty digits for two people to compare. Both sides compute the same digits over all four keys. */
  async safetyNumber(one: Uint8Array, other: Uint8Array): Promise<string> {
    return (await this.#wasm.run(33, [one, other])).text();
  }

  /** Generates the first prekeys of an identity. Calls `KeyOperations.sign` once for each bundle. */
  async prekeysMake(identity: LocalIdentity, options: PrekeyOptions): Promise<GeneratedPrekeys> {
    return prekeysFrom(await this.#wasm.run(34, [...local(identity), ...optionFields(options)]));
  }

  /**
   * Generates a new signed prekey and last resort. The previous ones stay for messages in transit; older ones are
   * erased.
   */
  async prekeysRotate(identity: LocalIdentity, prekeys: Uint8Array, options: PrekeyOptions): Promise<GeneratedPrekeys> {
    return prekeysFrom(await this.#wasm.run(35, [...local(identity), ...optionFields(options), prekeys]));
  }

  /** Adds one-time prekeys. `lastResort` is the existing bundle. */
  async prekeysRefill(identity: LocalIdentity, prekeys: Uint8Array, oneTime: number): Promise<GeneratedPrekeys> {
    return prekeysFrom(await this.#wasm.run(36, [...local(identity), oneTime, prekeys]));
  }

  /** Returns the number of one-time prekeys left. */
  async prekeysLeft(prekeys: Uint8Array): Promise<number> {
    return (await this.#wasm.run(37, [prekeys])).number();
  }

  /** Verifies the signatures of a bundle. Returns the identity card of its creator. */
  async bundleVerify(bundle: Uint8Array): Promise<{ card: Uint8Array; oneTime: boolean }> {
    const out = await this.#wasm.run(38, [bundle]);
    return { card: out.bytes(), oneTime: out.flag() };
  }

  /**
   * Starts a session with the creator of a bundle. Calls `KeyOperations.dh` once. `encrypt` produces the first message.
   */
  async initiate(
    identity: LocalIdentity,
    bundle: Uint8Array,
    options: { readonly mode?: Mode; readonly hideHeaders?: boolean } = {},
  ): Promise<{ session: Uint8Array; peer: Uint8Array }> {
    const fields = [...local(identity), bundle, options.mode ?? "pqxdh", options.hideHeaders ?? false];
    const out = await this.#wasm.run(39, fields);
    return { session: out.bytes(), peer: out.bytes() };
  }

  /** Accepts a first message. Store `prekeys` and `session` in one transaction, then use the rest. */
  async accept(
    identity: LocalIdentity,
    prekeys: Uint8Array,
    message: Uint8Array,
    options: { readonly allowX3dh?: boolean; readonly associated?: Uint8Array } = {},
  ): Promise<{ prekeys: Uint8Array; session: Uint8Array; plaintext: Uint8Array; peer: Uint8Array }> {
    const fields = [...local(identity), prekeys, message, options.allowX3dh ?? false, options.associated ?? EMPTY];
    const out = await this.#wasm.run(40, fields);
    return { prekeys: out.bytes(), session: out.bytes(), plaintext: out.bytes(), peer: out.bytes() };
  }

  /** Store `session`, then send `message`. */
  async encrypt(
    session: Uint8Array,
    plaintext: Uint8Array,
    associated: Uint8Array = EMPTY,
  ): Promise<{ session: Uint8Array; message: Uint8Array }> {
    const out = await this.#wasm.run(41, [session, plaintext, associated]);
    return { session: out.bytes(), message: out.bytes() };
  }

  /** Store `session`, then use `plaintext`. */
  async decrypt(
    session: Uint8Array,
    message: Uint8Array,
    associated: Uint8Array = EMPTY,
  ): Promise<{ session: Uint8Array; plaintext: Uint8Array }> {
    const out = await this.#wasm.run(42, [session, message, associated]);
    return { session: out.bytes(), plaintext: out.bytes() };
  }

  async sessionFacts(session: Uint8Array): Promise<SessionInfo> {
    const out = await this.#wasm.run(43, [session]);
    const peer = out.bytes();
    const mode = out.text() === "x3dh" ? "x3dh" : "pqxdh";
    return { peer, mode, hideHeaders: out.flag(), answered: out.flag() };
  }
}

const local = (identity: LocalIdentity) => [identity.card, identity.signing, identity.agreement];

const optionFields = (options: PrekeyOptions) => [
  options.oneTime,
  options.lastResort?.keyRef ?? "",
  options.lastResort?.publicKey ?? EMPTY,
];

function prekeysFrom(out: Reader): GeneratedPrekeys {
  return { prekeys: out.bytes(), lastResort: out.bytes(), bundles: out.rest() };
}
