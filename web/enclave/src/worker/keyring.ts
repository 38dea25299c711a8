// The keys of an open enclave: the seal, the audit key, and cached private keys. They are valid for one epoch of the
// store. Another tab that enters strong mode or resets ends the epoch and invalidates them.

import { type Algorithm, EnclaveError } from "../../../protocol/src/index.ts";
import { toBase64url } from "../bytes.ts";
import { generateNonExtractable, generateSealed, loadPrivateKey, PersistenceProbe } from "./keys/key_storage.ts";
import { Seal } from "./keys/seal.ts";
import { type AuditKeyRow, ONLY, type StateRow, type StoredKeyPair } from "./store/rows.ts";
import type { Store } from "./store/store.ts";

export class Keyring {
  readonly #persistence: PersistenceProbe;
  #epoch = -1;
  #seal: Seal | undefined;
  #auditKey: AuditKeyRow | undefined;
  #strong = false;
  readonly #cached = new Map<string, CryptoKey>();

  constructor(
    readonly store: Store,
    /** True if rows pass through a disk and may come back changed. */
    readonly disk: boolean,
  ) {
    this.#persistence = new PersistenceProbe(store);
  }

  /** Adopts the store's current state. In strong mode the seal stays unknown until `unlock`. */
  async sync(state: StateRow): Promise<void> {
    if (state.epoch === this.#epoch) return;
    this.clear();
    const key = state.strong === undefined ? await this.store.read("seal", ONLY) : undefined;
    if (state.strong === undefined && !(key instanceof CryptoKey)) {
      throw new EnclaveError("store_corrupt", "the seal is missing");
    }
    this.#seal = key && new Seal(key);
    this.#auditKey = await this.store.read("auditKey", ONLY);
    this.#strong = state.strong !== undefined;
    this.#epoch = state.epoch;
  }

  /** Drops every cached key. In strong mode this locks. */
  clear(): void {
    this.#epoch = -1;
    this.#seal = undefined;
    this.#auditKey = undefined;
    this.#cached.clear();
  }

  /** Switches to new keys before the commit that stores them. Call `clear` if the commit fails. */
  replaceKeys(state: StateRow, seal: Seal, auditKey: AuditKeyRow): void {
    this.#cached.clear();
    this.#epoch = state.epoch;
    this.#strong = state.strong !== undefined;
    this.#seal = seal;
    this.#auditKey = auditKey;
  }

  unlock(seal: Seal): void {
    this.#seal = seal;
  }

  get open(): boolean {
    return this.#seal !== undefined;
  }

  get auditKey(): AuditKeyRow {
    if (this.#auditKey === undefined) throw new EnclaveError("store_corrupt", "the audit key is missing");
    return this.#auditKey;
  }

  seal(): Seal {
    if (this.#seal === undefined) throw new EnclaveError("locked", "strong mode is locked");
    return this.#seal;
  }

  /** Generates a key, stored as securely as engine, mode and purpose allow. */
  async generate(alg: Algorithm, sealed: boolean): Promise<StoredKeyPair> {
    const seal = this.seal();
    const hold = !sealed && !this.#strong && (!this.disk || (await this.#persistence.persists(alg)));
    return hold ? generateNonExtractable(alg) : generateSealed(alg, seal);
  }

  /** Returns the private key of a key pair. */
  async privateKey(half: StoredKeyPair): Promise<CryptoKey> {
    const name = `${half.alg} ${toBase64url(half.publicKey)}`;
    // In strong mode no key is usable after `strong.lock`, so no earlier key is cached.
    const cached = this.#cached.get(name);
    if (cached !== undefined && half.custody !== undefined) return cached;
    const key = await loadPrivateKey(half, () => this.seal());
    this.#cached.set(name, key);
    return key;
  }
}
