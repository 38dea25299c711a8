// One serialized read-write transaction. Its changes and its audit entry commit together or not at all.

import type { Core } from "../../../enclave-wasm/bindings.ts";
import { EnclaveError, type Kid, type Purpose } from "../../../protocol/src/index.ts";
import type { Detail } from "./audit_log.ts";
import type { BorrowedKeys } from "./borrowed_keys.ts";
import type { Keyring } from "./keyring.ts";
import type { Seal } from "./keys/seal.ts";
import type { StoreCache } from "./store/cache.ts";
import type { Change, KeyRow, RowKey, StateRow, Table, Tables } from "./store/rows.ts";
import { type AuditKeyRow, ONLY } from "./store/rows.ts";

export class Transaction {
  readonly changes: Change[] = [];
  /** Checks that run after the commit, before the response leaves. */
  readonly afterCommit: (() => Promise<void>)[] = [];
  detail: Detail = {};
  rekeyed = false;
  /** The affected key, if the parameters do not name it. */
  kid: Kid | undefined;

  constructor(
    readonly host: string,
    readonly store: StoreCache,
    readonly core: Core,
    readonly keyring: Keyring,
    readonly borrowedKeys: BorrowedKeys,
    public state: StateRow,
    /** Milliseconds since 1970. */
    readonly now: number,
  ) {}

  put<T extends Table>(table: T, key: RowKey, row: Tables[T]): void {
    this.changes.push({ table, key, row });
  }

  delete(table: Table, key: RowKey): void {
    this.changes.push({ table, key });
  }

  eraseAll(table: Table): void {
    this.changes.push({ table });
  }

  /** Replaces the store's keys, if the commit succeeds. */
  rekey(state: Pick<StateRow, "strong">, seal: Seal, auditKey: AuditKeyRow): void {
    const { strong: _, ...rest } = this.state;
    this.state = { ...rest, ...state, epoch: this.state.epoch + 1 };
    this.rekeyed = true;
    this.put("auditKey", ONLY, auditKey);
    this.keyring.replaceKeys(this.state, seal, auditKey);
  }

  async key(kid: Kid): Promise<KeyRow> {
    const row = await this.store.read("keys", kid);
    if (row === undefined) throw new EnclaveError("unknown_key", "unknown key");
    return row;
  }

  /** Returns a usable key of this purpose only. */
  async activeKey(kid: Kid, purpose?: Purpose): Promise<KeyRow> {
    const row = await this.key(kid);
    if (purpose !== undefined && row.purpose !== purpose) {
      throw new EnclaveError("wrong_purpose", `this key is for ${row.purpose}, not for ${purpose}`);
    }
    if (row.state === "retired") throw new EnclaveError("key_retired", "this key was rotated");
    if (row.state === "revoked") throw new EnclaveError("key_revoked", "this key was revoked");
    return row;
  }

  /** Increments the use count. */
  async countUse({ kid }: KeyRow): Promise<void> {
    this.put("uses", kid, { uses: (await this.uses(kid)) + 1, lastUsed: this.now });
  }

  async uses(kid: Kid): Promise<number> {
    return (await this.store.read("uses", kid))?.uses ?? 0;
  }
}
