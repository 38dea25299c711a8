// A write-through cache over the store. Every change of the store adds an audit entry and so moves the chain's head.
// While the head is the one that this worker wrote, no other tab has written, and cached rows equal those on disk.
// Private keys are then not read for every use.

import type { Change, RowKey, Table, Tables } from "./rows.ts";
import type { Store } from "./store.ts";

const CACHED_TABLES: readonly Table[] = ["keys", "uses", "prekeys", "sessions"];
const cacheKey = (table: Table, key: RowKey): string => `${table} ${key}`;

export class StoreCache implements Store {
  readonly #rows = new Map<string, unknown>();
  #head: string | undefined;

  /** `backing` is the store itself, for reads that must bypass the cache. */
  constructor(readonly backing: Store) {}

  /**
   * Passes in the current head. If it differs from the last written head, another tab wrote, and the cache is cleared.
   */
  syncTo(head: string): void {
    if (head !== this.#head) this.clear();
    this.#head = head;
  }

  clear(): void {
    this.#rows.clear();
    this.#head = undefined;
  }

  async read<T extends Table>(table: T, key: RowKey): Promise<Tables[T] | undefined> {
    const known = this.#rows.get(cacheKey(table, key)) as Tables[T] | undefined;
    if (known !== undefined) return known;
    const row = await this.backing.read(table, key);
    if (row !== undefined && CACHED_TABLES.includes(table)) this.#rows.set(cacheKey(table, key), row);
    return row;
  }

  all<T extends Table>(table: T): Promise<readonly (readonly [RowKey, Tables[T]])[]> {
    return this.backing.all(table);
  }

  count(table: Table): Promise<number> {
    return this.backing.count(table);
  }

  page<T extends Table>(table: T, from: number, count: number): Promise<readonly Tables[T][]> {
    return this.backing.page(table, from, count);
  }

  /** Commits changes after which the chain's head is `head`. */
  async commitTo(head: string, changes: readonly Change[]): Promise<void> {
    await this.commit(changes);
    this.#head = head;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    try {
      await this.backing.commit(changes);
    } catch (thrown) {
      this.clear();
      throw thrown;
    }
    for (const { table, key, row } of changes) {
      if (key === undefined) this.#rows.clear();
      else if (row === undefined) this.#rows.delete(cacheKey(table, key));
      else if (CACHED_TABLES.includes(table)) this.#rows.set(cacheKey(table, key), row);
    }
  }

  exclusive<R>(work: () => Promise<R>): Promise<R> {
    return this.backing.exclusive(work);
  }
}
