// The store as the rest of the worker sees it: reads, and commits of which all or nothing happens.

import type { Change, RowKey, Table, Tables } from "./rows.ts";

export interface Store {
  read<T extends Table>(table: T, key: RowKey): Promise<Tables[T] | undefined>;
  all<T extends Table>(table: T): Promise<readonly (readonly [RowKey, Tables[T]])[]>;
  count(table: Table): Promise<number>;
  /** Rows with number keys, from one on, in order. */
  page<T extends Table>(table: T, from: number, count: number): Promise<readonly Tables[T][]>;
  /** All changes or none. When it returns they are on the disk, as far as the engine lets anybody say so. */
  commit(changes: readonly Change[]): Promise<void>;
  /** Runs alone among all tabs that have this store open. */
  exclusive<R>(work: () => Promise<R>): Promise<R>;
}
