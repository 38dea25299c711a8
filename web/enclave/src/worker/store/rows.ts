// The rows of the store. Their format is part of the schema: change it only together with `schema.ts`.

import type { Algorithm, KeyState, Kid, Purpose } from "../../../../protocol/src/index.ts";
import type { Bytes } from "../../bytes.ts";
import type { Box } from "../keys/seal.ts";

/** The storage of a private key: a browser object, or PKCS #8 under the seal. */
export type PrivateKeyStorage =
  | { readonly kind: "held"; readonly key: CryptoKey }
  | { readonly kind: "sealed"; readonly box: Box };

/** One key pair. Without `custody` it is public only. */
export interface StoredKeyPair {
  readonly alg: Algorithm;
  readonly publicKey: Bytes;
  readonly custody?: PrivateKeyStorage;
}

export interface KeyRow {
  readonly kid: Kid;
  readonly purpose: Purpose;
  readonly state: KeyState;
  readonly recoverable: boolean;
  readonly created: number;
  readonly successor?: Kid;
  readonly main: StoredKeyPair;
  /** The X25519 key pair of an identity. */
  readonly agreement?: StoredKeyPair;
}

/** The use count of a key. A separate row, so that the private key is written only once. */
export interface UsesRow {
  readonly uses: number;
  readonly lastUsed: number;
}

export interface SessionRow {
  readonly created: number;
  readonly box: Box;
}

/** The card of an identity and its sealed prekeys, if any. */
export interface PrekeyRow {
  readonly card: Bytes;
  readonly box?: Box;
  readonly lastResort?: Bytes;
}

export interface SignedHead {
  readonly document: Bytes;
  readonly signature: Bytes;
}

export interface Chain {
  readonly count: number;
  readonly link: Bytes;
  /** The number of the oldest kept entry. */
  readonly oldest: number;
  /** The time of the newest entry. The next entry is never earlier, whatever the clock shows. */
  readonly time: number;
  readonly head?: SignedHead;
}

export interface StateRow {
  readonly store: string;
  /** Counts the events that invalidate cached keys: entering and leaving strong mode, and reset. */
  readonly epoch: number;
  /** `probe` opens only under the correct seal. */
  readonly strong?: { readonly credential: Bytes; readonly salt: Bytes; readonly probe: Box };
  readonly chain: Chain;
}

export interface AuditRow {
  readonly previous: Bytes;
  readonly entry: Bytes;
}

export interface AuditKeyRow {
  readonly kid: Kid;
  readonly half: StoredKeyPair;
}

/** Every table and its row type. */
export interface Tables {
  state: StateRow;
  seal: CryptoKey;
  auditKey: AuditKeyRow;
  keys: KeyRow;
  uses: UsesRow;
  prekeys: PrekeyRow;
  sessions: SessionRow;
  audit: AuditRow;
  /** A key that was not yet read back and used. */
  staging: StoredKeyPair;
}

export type Table = keyof Tables;
export type RowKey = string | number;

/** The key of single-row tables. */
export const ONLY = "only";

export const TABLES: readonly Table[] = [
  "state",
  "seal",
  "auditKey",
  "keys",
  "uses",
  "prekeys",
  "sessions",
  "audit",
  "staging",
];

/** One write. Without a row the row is deleted; without a key all rows of the table are. */
export interface Change {
  readonly table: Table;
  readonly key?: RowKey;
  readonly row?: Tables[Table];
}
