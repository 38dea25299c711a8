// The store interface of the worker: reads, and atomic commits.

import type { Change, RowKey, Table, Tables } from "./rows.ts";

export interface Store {
  read<T extends Table>(table: T, key: RowKey): Promise<Tables[T] | undefined>;
  all<T extends Table>(table: T): Promise<readonly (readonly [RowKey, Tables[T]])[]>;
  count(table: Table): Promise<number>;
  /** Returns rows with numeric keys in order, starting at one. */
  page<T extends Table>(table: T, from: number, count: number): Promise<readonly Tables[T][]>;
  /** Commits all changes or no change. After it returns they are on disk, as far as the engine guarantees. */
  commit(changes: readonly Change[]): Promise<void>;
  /** Runs exclusively among all tabs that have this store open. */
  exclusive<R>(work: () => Promise<R>): Promise<R>;
}
