// The store with what this worker read or wrote lately in its memory. Every change of the store is an entry in the record
// and moves its end; so as long as the end is the one that this worker wrote, no other tab has written, and the rows in
// memory are those on the disk. Private keys are then not read from it for every use.

import type { Change, RowKey, Table, Tables } from "./rows.ts";
import type { Store } from "./store.ts";

const KEPT: readonly Table[] = ["keys", "uses", "prekeys", "sessions"];
const place = (table: Table, key: RowKey): string => `${table} ${key}`;

export class Recent implements Store {
  readonly #rows = new Map<string, unknown>();
  #end: string | undefined;

  /** `under` is the store itself, for whoever has to know what is really there. */
  constructor(readonly under: Store) {}

  /** Says where the record ends now. Anything but the end that was written here means that somebody else wrote. */
  at(end: string): void {
    if (end !== this.#end) this.forget();
    this.#end = end;
  }

  forget(): void {
    this.#rows.clear();
    this.#end = undefined;
  }

  async read<T extends Table>(table: T, key: RowKey): Promise<Tables[T] | undefined> {
    const known = this.#rows.get(place(table, key)) as Tables[T] | undefined;
    if (known !== undefined) return known;
    const row = await this.under.read(table, key);
    if (row !== undefined && KEPT.includes(table)) this.#rows.set(place(table, key), row);
    return row;
  }

  all<T extends Table>(table: T): Promise<readonly (readonly [RowKey, Tables[T]])[]> {
    return this.under.all(table);
  }

  count(table: Table): Promise<number> {
    return this.under.count(table);
  }

  page<T extends Table>(table: T, from: number, count: number): Promise<readonly Tables[T][]> {
    return this.under.page(table, from, count);
  }

  /** After this the record ends at `end`. */
  async commitTo(end: string, changes: readonly Change[]): Promise<void> {
    await this.commit(changes);
    this.#end = end;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    try {
      await this.under.commit(changes);
    } catch (thrown) {
      this.forget();
      throw thrown;
    }
    for (const { table, key, row } of changes) {
      if (key === undefined) this.#rows.clear();
      else if (row === undefined) this.#rows.delete(place(table, key));
      else if (KEPT.includes(table)) this.#rows.set(place(table, key), row);
    }
  }

  alone<R>(work: () => Promise<R>): Promise<R> {
    return this.under.alone(work);
  }
}
