// The store in memory, for hosts that chose it. It ends with the page.

import type { Change, RowKey, Table, Tables } from "./rows.ts";
import { TABLES } from "./rows.ts";
import type { Store } from "./store.ts";

type Held = { readonly [T in Table]: Map<RowKey, Tables[T]> };

export class MemoryStore implements Store {
  readonly #tables = Object.fromEntries(TABLES.map(table => [table, new Map()])) as unknown as Held;
  #last: Promise<unknown> = Promise.resolve();

  async read<T extends Table>(table: T, key: RowKey): Promise<Tables[T] | undefined> {
    return this.#tables[table].get(key);
  }

  async all<T extends Table>(table: T): Promise<readonly (readonly [RowKey, Tables[T]])[]> {
    return [...this.#tables[table].entries()];
  }

  async count(table: Table): Promise<number> {
    return this.#tables[table].size;
  }

  async page<T extends Table>(table: T, from: number, count: number): Promise<readonly Tables[T][]> {
    const keys = [...this.#tables[table].keys()].filter(key => typeof key === "number" && key >= from);
    const rows = keys.slice(0, count).map(key => this.#tables[table].get(key));
    return rows.filter(row => row !== undefined);
  }

  async commit(changes: readonly Change[]): Promise<void> {
    for (const { table, key, row } of changes) {
      const rows = this.#tables[table] as Map<RowKey, unknown>;
      if (key === undefined) rows.clear();
      else if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    }
  }

  exclusive<R>(work: () => Promise<R>): Promise<R> {
    const tx = this.#last.then(work);
    this.#last = tx.catch(() => undefined);
    return tx;
  }
}
