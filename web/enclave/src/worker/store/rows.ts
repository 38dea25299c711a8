// The rows of the store. Their form is part of the schema: change it only together with `schema.ts`.

import type { Algorithm, KeyState, Kid, Purpose } from "../../../../protocol/src/index.ts";
import type { Bytes } from "../../bytes.ts";
import type { Box } from "../keys/seal.ts";

/** Where a private key is: an object of the browser, or PKCS #8 under the seal. */
export type PrivateKeyStorage =
  | { readonly kind: "held"; readonly key: CryptoKey }
  | { readonly kind: "sealed"; readonly box: Box };

/** One key pair. Without custody only the public half is left. */
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
  /** An identity's X25519 half. */
  readonly agreement?: StoredKeyPair;
}

/** How often a key was used. Apart from the key: a private key is written once, not at every use. */
export interface UsesRow {
  readonly uses: number;
  readonly lastUsed: number;
}

export interface SessionRow {
  readonly created: number;
  readonly box: Box;
}

/** An identity's card and its sealed prekeys, if it has any yet. */
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
  /** The oldest entry kept. */
  readonly oldest: number;
  /** Time of the newest entry: the next is not earlier, whatever the clock says. */
  readonly time: number;
  readonly head?: SignedHead;
}

export interface StateRow {
  readonly store: string;
  /** Counts what makes every cached key wrong: entering and leaving strong mode, and reset. */
  readonly epoch: number;
  /** `probe` opens only under the right seal. */
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

/** Every table with the type of its rows. */
export interface Tables {
  state: StateRow;
  seal: CryptoKey;
  auditKey: AuditKeyRow;
  keys: KeyRow;
  uses: UsesRow;
  prekeys: PrekeyRow;
  sessions: SessionRow;
  audit: AuditRow;
  /** Where a key waits until it was read back and used. */
  staging: StoredKeyPair;
}

export type Table = keyof Tables;
export type RowKey = string | number;

/** The key of tables that have one row. */
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

/** One write; without a row the row is erased, without a key all rows of the table. */
export interface Change {
  readonly table: Table;
  readonly key?: RowKey;
  readonly row?: Tables[Table];
}
