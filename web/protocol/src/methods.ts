// The parameters and result of every method. Binary data are `ArrayBuffer`s, transferred and not copied.
//
// Invariant: no method imports keys, returns private key material, batches calls, or changes the configuration at run
// time.

import type { Agreement, Algorithm, Format, KeyState, Kid, PublicJwk, Purpose, Storage } from "./words.ts";

export interface Generated {
  readonly kid: Kid;
  readonly publicKey: PublicJwk;
  /** The X25519 key of an identity. */
  readonly agreementKey?: PublicJwk;
}

export interface KeyInfo {
  readonly kid: Kid;
  readonly alg: Algorithm;
  readonly purpose: Purpose;
  readonly state: KeyState;
  readonly recoverable: boolean;
  /** Milliseconds since 1970, by the clock of the device. */
  readonly created: number;
  readonly lastUsed?: number;
  readonly uses: number;
  /** The key that replaced it. */
  readonly successor?: Kid;
}

export interface AuditPage {
  /** Canonical JSON of each entry, oldest first: the bytes that the chain hashes. */
  readonly entries: readonly ArrayBuffer[];
  /** `seq` of the first entry of this page, and of the oldest that is still kept. */
  readonly from: number;
  readonly oldest: number;
  /** The link before the first entry of this page, 32 bytes. */
  readonly previous: ArrayBuffer;
  readonly head: AuditHead;
}

export interface AuditHead {
  /** The number of entries in this host's chain, and the link of the newest. */
  readonly count: number;
  readonly link: ArrayBuffer;
  /** The signed document and its Ed25519 signature. Absent until strong mode is unlocked. */
  readonly signed?: { readonly document: ArrayBuffer; readonly signature: ArrayBuffer };
  /** The raw audit key. */
  readonly publicKey: ArrayBuffer;
}

export interface Status {
  readonly storage: Storage;
  /** The id of this store. Remember it and pass it in when you open the channel, so that a loss is noticed. */
  readonly store: string;
  /** True if the previous store is gone. Every method but `version`, `status` and `reset` is refused. */
  readonly lost: boolean;
  /** True if the browser promised to keep the store. */
  readonly persisted: boolean;
  readonly strong: "off" | "locked" | "open";
  /** The place of confirmations: in the frame, or in a popup that the host opens. */
  readonly gesture: "frame" | "window";
  readonly host: string;
  readonly keys: number;
  readonly algorithms: readonly Algorithm[];
  readonly usage?: number;
  readonly quota?: number;
}

export interface Approved {
  readonly decision: "approve" | "deny";
  /**
   * The signed document: approval, decision, digest, text, host, kid, time and expiry, as canonical JSON after a label.
   */
  readonly document: ArrayBuffer;
  readonly signature: ArrayBuffer;
}

export interface Prekeys {
  /** Each bundle is for one peer, once. */
  readonly bundles: readonly ArrayBuffer[];
  /** For use when no bundle is left; any number of times. */
  readonly lastResort: ArrayBuffer;
}

export interface SessionInfo {
  readonly session: string;
  /** The peer's identity card: both its public keys, bound by a signature. */
  readonly peer: ArrayBuffer;
  readonly agreement: Agreement;
  /** True once the peer has answered; messages no longer carry the handshake. */
  readonly answered: boolean;
  readonly created: number;
}

/** The parameters and result of each method. */
export interface Methods {
  /** `hash` is the name by which the browser loaded the module: a claim. Verify the module from outside. */
  version: { params: Empty; result: { hash: string; schema: number } };
  status: { params: Empty; result: Status };
  list: { params: Empty; result: { keys: readonly KeyInfo[] } };
  generate: { params: { alg: Algorithm; purpose: Purpose; recoverable?: boolean }; result: Generated };
  publicKey: { params: { kid: Kid; format?: Format }; result: { publicKey: ArrayBuffer | PublicJwk } };
  sign: { params: { kid: Kid; bytes: ArrayBuffer }; result: { signature: ArrayBuffer } };
  verify: {
    params: { publicKey: PublicJwk; bytes: ArrayBuffer; signature: ArrayBuffer };
    result: { valid: boolean };
  };
  derive: { params: { kid: Kid; peer: PublicJwk; info: ArrayBuffer }; result: { bytes: ArrayBuffer } };
  /**
   * `ttl` is in seconds. `relay`: another party will hold the token, so its default lifetime is two hours, not twelve.
   */
  vapidHeaders: {
    params: { kid: Kid; aud: string; sub: string; ttl?: number; relay?: boolean };
    result: { Authorization: string; exp: number };
  };
  /**
   * Shows the text to the person and signs the decision. `digest` is the SHA-256 of the operation that would run,
   * base64url; `expires` is in milliseconds since 1970.
   */
  approve: { params: { kid: Kid; approval: string; text: string; digest: string; expires: number }; result: Approved };
  rotate: { params: { kid: Kid }; result: Generated };
  revoke: { params: { kid: Kid }; result: Empty };
  audit: { params: { from?: number; count?: number }; result: AuditPage };
  /** Returns the identity's public half for peers: both public keys, bound by a signature. */
  "session.card": { params: { kid: Kid }; result: { card: ArrayBuffer } };
  /** Returns sixty digits for two people to compare. */
  "session.safetyNumber": { params: { kid: Kid; peer: ArrayBuffer }; result: { digits: string } };
  /** Generates one-time prekeys to publish. `renew` also replaces the signed prekey and the last resort. */
  "session.prekeys": { params: { kid: Kid; oneTime: number; renew?: boolean }; result: Prekeys };
  /**
   * `peer` is the identity card that the bundle must belong to, if known. `session.encrypt` produces the first message.
   */
  "session.initiate": {
    params: { kid: Kid; bundle: ArrayBuffer; peer?: ArrayBuffer; agreement?: Agreement; hideHeaders?: boolean };
    result: { session: string; peer: ArrayBuffer };
  };
  /** `x3dh` accepts a session without protection against a later quantum computer. */
  "session.accept": {
    params: { kid: Kid; message: ArrayBuffer; x3dh?: boolean; associated?: ArrayBuffer };
    result: { session: string; peer: ArrayBuffer; plaintext: ArrayBuffer };
  };
  "session.encrypt": {
    params: { session: string; plaintext: ArrayBuffer; associated?: ArrayBuffer };
    result: { message: ArrayBuffer };
  };
  "session.decrypt": {
    params: { session: string; message: ArrayBuffer; associated?: ArrayBuffer };
    result: { plaintext: ArrayBuffer };
  };
  "session.list": { params: Empty; result: { sessions: readonly SessionInfo[] } };
  "session.end": { params: { session: string }; result: Empty };
  /** Seals recoverable keys under a recovery code that only the frame shows. */
  "backup.create": { params: { kids: readonly Kid[] }; result: { backup: ArrayBuffer } };
  "backup.restore": { params: { backup: ArrayBuffer }; result: { kids: readonly Kid[] } };
  /**
   * From now on no data on disk is usable without the passkey. Existing browser-held keys cannot move and are retired.
   */
  "strong.enter": { params: Empty; result: { retired: readonly Kid[] } };
  "strong.unlock": { params: Empty; result: Empty };
  "strong.lock": { params: Empty; result: Empty };
  "strong.leave": { params: Empty; result: Empty };
  /** Erases all data of this host. One entry remains that names the end of the old chain. */
  reset: { params: Empty; result: { store: string } };
}

export type Empty = Readonly<Record<never, never>>;
export type Method = keyof Methods;
export type Params<M extends Method> = Readonly<Methods[M]["params"]>;
export type Result<M extends Method> = Methods[M]["result"];

/** The methods that a person must confirm in the enclave's own page. */
export const GESTURES = [
  "approve",
  "revoke",
  "reset",
  "backup.create",
  "backup.restore",
  "strong.enter",
  "strong.unlock",
  "strong.leave",
] as const satisfies readonly Method[];
