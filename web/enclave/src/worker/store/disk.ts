// The store on IndexedDB, one database per host. Every engine failure becomes an error with a code.

import { EnclaveError, type ErrorCode } from "../../../../protocol/src/index.ts";
import type { Change, RowKey, Table, Tables } from "./rows.ts";
import { upgrade, VERSION } from "./schema.ts";
import type { Store } from "./store.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  QuotaExceededError: "quota_exceeded",
  VersionError: "store_newer",
  DataError: "store_corrupt",
  NotReadableError: "store_corrupt",
};

/** Chromium reports a full disk as an abort without an error; other engines name it. */
function failure(error: DOMException | null | undefined, gone: ErrorCode | undefined): EnclaveError {
  const code = gone ?? CODES[error?.name ?? ""] ?? "storage_unavailable";
  return new EnclaveError(code, `the browser's storage failed: ${error?.name ?? "aborted"}`);
}

function requestResult<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class DiskStore implements Store {
  readonly #database: IDBDatabase;
  readonly #name: string;
  #gone: ErrorCode | undefined;

  private constructor(database: IDBDatabase, name: string) {
    this.#database = database;
    this.#name = name;
    // Another tab upgrades or deletes the database: close, or that tab waits forever.
    database.onversionchange = () => {
      this.#gone = "store_moved";
      database.close();
    };
    database.onclose = () => {
      this.#gone ??= "store_lost";
    };
  }

  static async open(host: string): Promise<DiskStore> {
    const name = `briefcase-enclave ${host}`;
    try {
      const request = indexedDB.open(name, VERSION);
      request.onupgradeneeded = event => upgrade(request.result, event.oldVersion);
      return new DiskStore(await requestResult(request), name);
    } catch (thrown) {
      throw failure(thrown instanceof DOMException ? thrown : undefined, undefined);
    }
  }

  read<T extends Table>(table: T, key: RowKey): Promise<Tables[T] | undefined> {
    return this.#query(table, rows => rows.get(key) as IDBRequest<Tables[T] | undefined>);
  }

  all<T extends Table>(table: T): Promise<readonly (readonly [RowKey, Tables[T]])[]> {
    return this.#mapErrors(async () => {
      const rows = this.#database.transaction(table, "readonly").objectStore(table);
      const [keys, found] = await Promise.all([requestResult(rows.getAllKeys()), requestResult(rows.getAll())]);
      return keys.map((key, index) => [key as RowKey, found[index] as Tables[T]] as const);
    });
  }

  count(table: Table): Promise<number> {
    return this.#query(table, rows => rows.count());
  }

  page<T extends Table>(table: T, from: number, count: number): Promise<readonly Tables[T][]> {
    return this.#query(table, rows => rows.getAll(IDBKeyRange.lowerBound(from), count) as IDBRequest<Tables[T][]>);
  }

  commit(changes: readonly Change[]): Promise<void> {
    return this.#mapErrors(() =>
      this.#write(changes).catch((thrown: unknown) => {
        // Firefox rejects writes for a moment after a write that exceeded the quota.
        if (this.#gone !== undefined || !(thrown instanceof DOMException) || thrown.name !== "InvalidStateError") {
          throw thrown;
        }
        return this.#write(changes);
      }),
    );
  }

  async #write(changes: readonly Change[]): Promise<void> {
    const tables = [...new Set(changes.map(change => change.table))];
    const transaction = this.#database.transaction(tables, "readwrite", { durability: "strict" });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "QuotaExceededError"));
    });
    try {
      for (const { table, key, row } of changes) {
        const rows = transaction.objectStore(table);
        if (key === undefined) rows.clear();
        else if (row === undefined) rows.delete(key);
        else rows.put(row, key);
      }
    } catch (thrown) {
      // All or nothing: without the abort, earlier puts would be committed.
      done.catch(() => undefined);
      transaction.abort();
      throw thrown;
    }
    return done;
  }

  exclusive<R>(work: () => Promise<R>): Promise<R> {
    return navigator.locks.request(this.#name, work) as Promise<R>;
  }

  #query<R>(table: Table, ask: (rows: IDBObjectStore) => IDBRequest<R>): Promise<R> {
    return this.#mapErrors(() => requestResult(ask(this.#database.transaction(table, "readonly").objectStore(table))));
  }

  async #mapErrors<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (thrown) {
      throw failure(thrown instanceof DOMException ? thrown : undefined, this.#gone);
    }
  }
}
