// The enclave of one host: its store, its keys, its record. Everything that changes something goes through `operate`.

import type { Core } from "../../../enclave-wasm/door.ts";
import { EnclaveError, type ErrorCode, type Kid, type Storage } from "../../../protocol/src/index.ts";
import { random, toBase64url } from "../bytes.ts";
import type { Ask, Told } from "../link.ts";
import { EMPTY, extended, type Happened } from "./chain.ts";
import type { Lent } from "./foreign.ts";
import { Keyring } from "./keyring.ts";
import { intact, Keeping, makeHeld, makeSealed } from "./keys/custody.ts";
import { Seal } from "./keys/seal.ts";
import { Recent } from "./store/recent.ts";
import { type AuditKeyRow, type Change, ONLY, type StateRow, TABLES } from "./store/rows.ts";
import type { Store } from "./store/store.ts";
import { Turn } from "./turn.ts";

/** What the worker has beside store and core. */
export interface Surroundings {
  readonly host: string;
  readonly hash: string;
  readonly storage: Storage;
  readonly gesture: "frame" | "window";
  readonly lent: Lent;
  core(): Promise<Core>;
  ask(ask: Ask): Promise<Told>;
  remember(store: string): void;
  persist(): void;
  now(): number;
}

/** Codes that say that something broke rather than that somebody was refused. */
const BROKEN: readonly ErrorCode[] = ["internal", "quota_exceeded", "storage_unavailable", "key_lost", "store_corrupt"];

export class Enclave {
  readonly keyring: Keyring;
  readonly #recent: Recent;
  #store: string | undefined;
  #lost = false;

  private constructor(
    readonly around: Surroundings,
    readonly store: Store,
  ) {
    this.#recent = new Recent(store);
    this.keyring = new Keyring(store, around.storage === "disk");
  }

  /** Opens the store. `expected` are the stores that host and origin remember: if none of them is here, it was lost. */
  static async open(around: Surroundings, store: Store, expected: readonly string[]): Promise<Enclave> {
    const enclave = new Enclave(around, store);
    await store.alone(async () => {
      const state = await store.read("state", ONLY);
      enclave.#lost = expected.some(id => id !== state?.store);
      if (enclave.#lost) return;
      enclave.#store = state?.store ?? (await enclave.begin("start", {})).store;
      if (state !== undefined) await enclave.keyring.follow(state);
    });
    if (enclave.#store !== undefined) around.remember(enclave.#store);
    return enclave;
  }

  get lost(): boolean {
    return this.#lost;
  }

  get id(): string {
    return this.#store ?? "";
  }

  /** The state as it is now; what it was is no excuse to go on. */
  async current(): Promise<StateRow> {
    if (this.#lost) throw new EnclaveError("store_lost", "the store that was here is gone");
    const state = await this.store.read("state", ONLY);
    if (state === undefined) {
      this.#lost = true;
      throw new EnclaveError("store_lost", "the store vanished");
    }
    if (state.store !== this.#store) throw new EnclaveError("store_moved", "the store was reset in another tab");
    await this.keyring.follow(state);
    return state;
  }

  /** Does something, alone, and writes what was done and that it was done in one transaction. */
  operate<R>(method: string, kid: Kid | undefined, work: (turn: Turn) => Promise<R>): Promise<R> {
    return this.store.alone(async () => {
      const turn = await this.#turn();
      try {
        const result = await work(turn);
        await this.#commit(turn, { method, kid: turn.kid ?? kid, outcome: "done", detail: turn.detail });
        for (const proof of turn.proofs) await proof();
        return result;
      } catch (thrown) {
        const error = EnclaveError.of(thrown);
        this.#recent.forget();
        if (turn.rekeyed) this.keyring.forget();
        await this.#recordRefusal(method, kid, error);
        throw error;
      } finally {
        this.around.lent.takeBack();
      }
    });
  }

  /** Looks at the store, alone, before a person is asked. Nothing is written unless it is refused. */
  look<R>(method: string, kid: Kid | undefined, work: (turn: Turn) => Promise<R>): Promise<R> {
    return this.store.alone(async () => {
      const turn = await this.#turn();
      try {
        return await work(turn);
      } catch (thrown) {
        const error = EnclaveError.of(thrown);
        await this.#recordRefusal(method, kid, error);
        throw error;
      }
    });
  }

  /** Records a refusal that happened before anything was begun. */
  refused(method: string, kid: Kid | undefined, error: EnclaveError): Promise<void> {
    return this.store.alone(() => this.#recordRefusal(method, kid, error));
  }

  /** A store that begins anew: everything is erased, and new are its name, its seal, its audit key and its chain. */
  async begin(method: string, detail: Happened["detail"]): Promise<StateRow> {
    const { around, keyring } = this;
    const core = await around.core();
    const seal = await Seal.ofDevice();
    const held = around.storage === "memory" || (await new Keeping(this.store).keeps("Ed25519"));
    const half = held ? await makeHeld("Ed25519") : await makeSealed("Ed25519", seal);
    const auditKey: AuditKeyRow = { kid: await core.thumbprint("Ed25519", half.publicKey), half };
    const fresh: StateRow = { store: toBase64url(random(16)), epoch: around.now(), chain: EMPTY };
    keyring.adopt(fresh, seal, auditKey);
    const first = { method, outcome: "done", detail: { store: fresh.store, ...detail } } as const;
    const { chain, changes } = await extended(EMPTY, first, { core, keyring, host: around.host, now: around.now() });
    const state: StateRow = { ...fresh, chain };
    await this.store.commit([
      ...TABLES.map(table => ({ table })),
      ...changes,
      { table: "seal", key: ONLY, row: seal.key },
      { table: "auditKey", key: ONLY, row: auditKey },
      { table: "state", key: ONLY, row: state },
    ]);
    keyring.forget();
    await keyring.follow(state);
    if (!(await intact(keyring.auditKey.half, keyring.seal()))) {
      throw new EnclaveError("storage_unavailable", "the browser does not give back what it stored");
    }
    this.#store = state.store;
    this.#lost = false;
    return state;
  }

  async #turn(): Promise<Turn> {
    const state = await this.current();
    const { around, keyring } = this;
    const recent = this.#recent;
    recent.at(toBase64url(state.chain.link));
    return new Turn(around.host, recent, await around.core(), keyring, around.lent, state, around.now());
  }

  async #commit(turn: Turn, happened: Happened): Promise<void> {
    const { chain, changes } = await extended(turn.state.chain, happened, turn);
    turn.state = { ...turn.state, chain };
    const state: Change = { table: "state", key: ONLY, row: turn.state };
    await this.#recent.commitTo(toBase64url(chain.link), [...turn.changes, ...changes, state]);
  }

  async #recordRefusal(method: string, kid: Kid | undefined, error: EnclaveError): Promise<void> {
    // Without its store, or with another one under it, there is no record that this belongs into.
    if (["store_lost", "store_moved", "store_newer"].includes(error.code)) return;
    const outcome = BROKEN.includes(error.code) ? "failed" : "refused";
    try {
      await this.#commit(await this.#turn(), { method, kid, outcome, detail: { code: error.code } });
    } catch (thrown) {
      // A refusal that cannot be recorded is told as what stood in the way; of two failures the first is the cause.
      if (outcome === "refused") throw thrown;
    }
  }
}
