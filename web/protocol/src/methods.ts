// Every method: what it takes and what it gives. Binary data are `ArrayBuffer`s and are transferred, not copied.
// There is no import of keys, no batch, no run-time configuration, and no method that gives private material.

import type { Agreement, Algorithm, Format, KeyState, Kid, PublicJwk, Purpose, Storage } from "./words.ts";

export interface Generated {
  readonly kid: Kid;
  readonly publicKey: PublicJwk;
  /** An identity's second key, X25519. */
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
  /** The key that took its place. */
  readonly successor?: Kid;
}

export interface AuditPage {
  /** Canonical JSON of each entry, oldest first: the bytes that the chain hashes. */
  readonly entries: readonly ArrayBuffer[];
  /** `seq` of the first entry of this page, and of the oldest that is still kept. */
  readonly from: number;
  readonly oldest: number;
  /** Link before the first entry of this page, 32 bytes. */
  readonly previous: ArrayBuffer;
  readonly head: AuditHead;
}

export interface AuditHead {
  /** How many entries the chain of this host has, and the link of the newest. */
  readonly count: number;
  readonly link: ArrayBuffer;
  /** What was signed, its Ed25519 signature, and the audit key, raw. Absent until strong mode is unlocked again. */
  readonly signed?: { readonly document: ArrayBuffer; readonly signature: ArrayBuffer };
  readonly publicKey: ArrayBuffer;
}

export interface Status {
  readonly storage: Storage;
  /** Names this store. Remember it and hand it in when you open the channel: that is how a loss is noticed. */
  readonly store: string;
  /** The store that was here before is gone. Everything but `version`, `status` and `reset` is refused. */
  readonly lost: boolean;
  /** Whether the browser promised not to drop the store by itself. */
  readonly persisted: boolean;
  readonly strong: "off" | "locked" | "open";
  /** Where a gesture can be taken: in the frame, or only in a window that the host opens. */
  readonly gesture: "frame" | "window";
  readonly host: string;
  readonly keys: number;
  readonly algorithms: readonly Algorithm[];
  readonly usage?: number;
  readonly quota?: number;
}

export interface Approved {
  readonly decision: "approve" | "deny";
  /** What was signed: approval, decision, digest, text, host, kid, time and end, as canonical JSON after a label. */
  readonly document: ArrayBuffer;
  readonly signature: ArrayBuffer;
}

export interface Prekeys {
  /** Each is for one peer, once. */
  readonly bundles: readonly ArrayBuffer[];
  /** For when no other is left; any number of times. */
  readonly lastResort: ArrayBuffer;
}

export interface SessionInfo {
  readonly session: string;
  /** The peer's identity card: both its public keys, bound by a signature. */
  readonly peer: ArrayBuffer;
  readonly agreement: Agreement;
  /** The peer has answered; messages no longer carry the handshake. */
  readonly answered: boolean;
  readonly created: number;
}

/** Parameters and result of each method. */
export interface Methods {
  /** `hash` is the name under which the browser loaded the module: a claim. What counts is measured from outside. */
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
  /** `ttl` in seconds. `relay` says that somebody else will hold the token: it then lives two hours, not twelve. */
  vapidHeaders: {
    params: { kid: Kid; aud: string; sub: string; ttl?: number; relay?: boolean };
    result: { Authorization: string; exp: number };
  };
  /**
   * Shows the text in the frame, takes the person's decision, signs it. `digest` is the SHA-256 of what would run,
   * base64url; `expires` is in milliseconds since 1970.
   */
  approve: { params: { kid: Kid; approval: string; text: string; digest: string; expires: number }; result: Approved };
  rotate: { params: { kid: Kid }; result: Generated };
  revoke: { params: { kid: Kid }; result: Empty };
  audit: { params: { from?: number; count?: number }; result: AuditPage };
  /** The identity's public half, to hand to peers: both public keys, bound by a signature. */
  "session.card": { params: { kid: Kid }; result: { card: ArrayBuffer } };
  /** Sixty digits that two people compare. */
  "session.safetyNumber": { params: { kid: Kid; peer: ArrayBuffer }; result: { digits: string } };
  /** More one-time prekeys to publish; `renew` makes a new signed prekey and last resort too. */
  "session.prekeys": { params: { kid: Kid; oneTime: number; renew?: boolean }; result: Prekeys };
  /** `peer` is the card that the bundle must belong to, if it is known. The first message is made by `session.encrypt`. */
  "session.initiate": {
    params: { kid: Kid; bundle: ArrayBuffer; peer?: ArrayBuffer; agreement?: Agreement; hideHeaders?: boolean };
    result: { session: string; peer: ArrayBuffer };
  };
  /** `x3dh` says that a session without protection against a later quantum computer is good enough. */
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
  /** Seals recoverable keys to a recovery code that the frame shows to the person and to nobody else. */
  "backup.create": { params: { kids: readonly Kid[] }; result: { backup: ArrayBuffer } };
  "backup.restore": { params: { backup: ArrayBuffer }; result: { kids: readonly Kid[] } };
  /** From now on nothing on disk is usable without the passkey. Keys made before cannot move: they are retired. */
  "strong.enter": { params: Empty; result: { retired: readonly Kid[] } };
  "strong.unlock": { params: Empty; result: Empty };
  "strong.lock": { params: Empty; result: Empty };
  "strong.leave": { params: Empty; result: Empty };
  /** Everything of this host is erased; what remains is one entry that names the end of the old chain. */
  reset: { params: Empty; result: { store: string } };
}

export type Empty = Readonly<Record<never, never>>;
export type Method = keyof Methods;
export type Params<M extends Method> = Readonly<Methods[M]["params"]>;
export type Result<M extends Method> = Methods[M]["result"];

/** The methods that a person has to confirm in the enclave's own page. */
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
