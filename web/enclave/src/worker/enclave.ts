// The enclave of one host: its store, its keys and its audit log. Every change goes through `operate`.

import type { Core } from "../../../enclave-wasm/bindings.ts";
import { EnclaveError, type ErrorCode, type Kid, type Storage } from "../../../protocol/src/index.ts";
import { random, toBase64url } from "../bytes.ts";
import type { ConfirmationRequest, ConfirmationResult } from "../frame_messages.ts";
import { type AuditEvent, appendEntry, EMPTY_CHAIN } from "./audit_log.ts";
import type { BorrowedKeys } from "./borrowed_keys.ts";
import { Keyring } from "./keyring.ts";
import { generateNonExtractable, generateSealed, isUsable, PersistenceProbe } from "./keys/key_storage.ts";
import { Seal } from "./keys/seal.ts";
import { StoreCache } from "./store/cache.ts";
import { type AuditKeyRow, type Change, ONLY, type StateRow, TABLES } from "./store/rows.ts";
import type { Store } from "./store/store.ts";
import { Transaction } from "./transaction.ts";

/** The environment of the enclave, besides store and core. */
export interface WorkerContext {
  readonly host: string;
  readonly hash: string;
  readonly storage: Storage;
  readonly gesture: "frame" | "window";
  readonly borrowedKeys: BorrowedKeys;
  core(): Promise<Core>;
  confirm(request: ConfirmationRequest): Promise<ConfirmationResult>;
  rememberStore(store: string): void;
  persist(): void;
  now(): number;
}

/** Error codes of failures, as opposed to refusals. */
const FAILURE_CODES: readonly ErrorCode[] = [
  "internal",
  "quota_exceeded",
  "storage_unavailable",
  "key_lost",
  "store_corrupt",
];

export class Enclave {
  readonly keyring: Keyring;
  readonly #cache: StoreCache;
  #store: string | undefined;
  #lost = false;

  private constructor(
    readonly context: WorkerContext,
    readonly store: Store,
  ) {
    this.#cache = new StoreCache(store);
    this.keyring = new Keyring(store, context.storage === "disk");
  }

  /**
   * Opens the store. `expected` holds the store ids that host and origin remember. If the current store is another, the
   * old one was lost.
   */
  static async open(context: WorkerContext, store: Store, expected: readonly string[]): Promise<Enclave> {
    const enclave = new Enclave(context, store);
    await store.exclusive(async () => {
      const state = await store.read("state", ONLY);
      enclave.#lost = expected.some(id => id !== state?.store);
      if (enclave.#lost) return;
      enclave.#store = state?.store ?? (await enclave.initialize("start", {})).store;
      if (state !== undefined) await enclave.keyring.sync(state);
    });
    if (enclave.#store !== undefined) context.rememberStore(enclave.#store);
    return enclave;
  }

  get lost(): boolean {
    return this.#lost;
  }

  get id(): string {
    return this.#store ?? "";
  }

  /** Reads the current state; a cached state may be outdated. */
  async current(): Promise<StateRow> {
    if (this.#lost) throw new EnclaveError("store_lost", "the previous store is gone");
    const state = await this.store.read("state", ONLY);
    if (state === undefined) {
      this.#lost = true;
      throw new EnclaveError("store_lost", "the store is gone");
    }
    if (state.store !== this.#store) throw new EnclaveError("store_moved", "the store was reset in another tab");
    await this.keyring.sync(state);
    return state;
  }

  /** Runs one exclusive operation. Its changes and its audit entry are committed in one transaction. */
  operate<R>(method: string, kid: Kid | undefined, work: (tx: Transaction) => Promise<R>): Promise<R> {
    return this.store.exclusive(async () => {
      const tx = await this.#beginTransaction();
      try {
        const result = await work(tx);
        await this.#commit(tx, { method, kid: tx.kid ?? kid, outcome: "done", detail: tx.detail });
        for (const check of tx.afterCommit) await check();
        return result;
      } catch (thrown) {
        const error = EnclaveError.of(thrown);
        this.#cache.clear();
        if (tx.rekeyed) this.keyring.clear();
        await this.#recordRefusal(method, kid, error);
        throw error;
      } finally {
        this.context.borrowedKeys.clear();
      }
    });
  }

  /** Reads the store exclusively before a person is asked. Writes only the audit entry of a refusal. */
  precheck<R>(method: string, kid: Kid | undefined, work: (tx: Transaction) => Promise<R>): Promise<R> {
    return this.store.exclusive(async () => {
      const tx = await this.#beginTransaction();
      try {
        return await work(tx);
      } catch (thrown) {
        const error = EnclaveError.of(thrown);
        await this.#recordRefusal(method, kid, error);
        throw error;
      }
    });
  }

  /** Records a refusal that happened before an operation began. */
  auditRefusal(method: string, kid: Kid | undefined, error: EnclaveError): Promise<void> {
    return this.store.exclusive(() => this.#recordRefusal(method, kid, error));
  }

  /** Initializes a new store: erases everything, then creates a new id, seal, audit key and chain. */
  async initialize(method: string, detail: AuditEvent["detail"]): Promise<StateRow> {
    const { context, keyring } = this;
    const core = await context.core();
    const seal = await Seal.generate();
    const held = context.storage === "memory" || (await new PersistenceProbe(this.store).persists("Ed25519"));
    const half = held ? await generateNonExtractable("Ed25519") : await generateSealed("Ed25519", seal);
    const auditKey: AuditKeyRow = { kid: await core.thumbprint("Ed25519", half.publicKey), half };
    const fresh: StateRow = { store: toBase64url(random(16)), epoch: context.now(), chain: EMPTY_CHAIN };
    keyring.replaceKeys(fresh, seal, auditKey);
    const first = { method, outcome: "done", detail: { store: fresh.store, ...detail } } as const;
    const { chain, changes } = await appendEntry(EMPTY_CHAIN, first, {
      core,
      keyring,
      host: context.host,
      now: context.now(),
    });
    const state: StateRow = { ...fresh, chain };
    await this.store.commit([
      ...TABLES.map(table => ({ table })),
      ...changes,
      { table: "seal", key: ONLY, row: seal.key },
      { table: "auditKey", key: ONLY, row: auditKey },
      { table: "state", key: ONLY, row: state },
    ]);
    keyring.clear();
    await keyring.sync(state);
    if (!(await isUsable(keyring.auditKey.half, keyring.seal()))) {
      throw new EnclaveError("storage_unavailable", "the browser did not return a stored key unchanged");
    }
    this.#store = state.store;
    this.#lost = false;
    return state;
  }

  async #beginTransaction(): Promise<Transaction> {
    const state = await this.current();
    const { context, keyring } = this;
    const cache = this.#cache;
    cache.syncTo(toBase64url(state.chain.link));
    return new Transaction(
      context.host,
      cache,
      await context.core(),
      keyring,
      context.borrowedKeys,
      state,
      context.now(),
    );
  }

  async #commit(tx: Transaction, event: AuditEvent): Promise<void> {
    const { chain, changes } = await appendEntry(tx.state.chain, event, tx);
    tx.state = { ...tx.state, chain };
    const state: Change = { table: "state", key: ONLY, row: tx.state };
    await this.#cache.commitTo(toBase64url(chain.link), [...tx.changes, ...changes, state]);
  }

  async #recordRefusal(method: string, kid: Kid | undefined, error: EnclaveError): Promise<void> {
    // Without the right store there is no audit log for this entry.
    if (["store_lost", "store_moved", "store_newer"].includes(error.code)) return;
    const outcome = FAILURE_CODES.includes(error.code) ? "failed" : "refused";
    try {
      await this.#commit(await this.#beginTransaction(), { method, kid, outcome, detail: { code: error.code } });
    } catch (thrown) {
      // If a refusal cannot be recorded, the recording failure is reported. After a failure, the first error is the
      // cause.
      if (outcome === "refused") throw thrown;
    }
  }
}
