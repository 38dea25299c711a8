// The keys that the enclave works with while it is open: the seal, the audit key, and private keys cached before. They are
// valid for one epoch of the store; another tab that enters strong mode or resets ends the epoch, and then nothing here
// counts any more.

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
    /** Whether rows go through a disk and may come back changed. */
    readonly disk: boolean,
  ) {
    this.#persistence = new PersistenceProbe(store);
  }

  /** Takes in what the store says now. In strong mode the seal stays unknown until `unlock`. */
  async sync(state: StateRow): Promise<void> {
    if (state.epoch === this.#epoch) return;
    this.clear();
    const key = state.strong === undefined ? await this.store.read("seal", ONLY) : undefined;
    if (state.strong === undefined && !(key instanceof CryptoKey)) {
      throw new EnclaveError("store_corrupt", "the seal is gone");
    }
    this.#seal = key && new Seal(key);
    this.#auditKey = await this.store.read("auditKey", ONLY);
    this.#strong = state.strong !== undefined;
    this.#epoch = state.epoch;
  }

  /** Everything that was cached is dropped. In strong mode this locks. */
  clear(): void {
    this.#epoch = -1;
    this.#seal = undefined;
    this.#auditKey = undefined;
    this.#cached.clear();
  }

  /** Goes over to other keys before the commit that makes them so; `forget` when that fails. */
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
    if (this.#auditKey === undefined) throw new EnclaveError("store_corrupt", "the audit key is gone");
    return this.#auditKey;
  }

  seal(): Seal {
    if (this.#seal === undefined) throw new EnclaveError("locked", "strong mode is locked");
    return this.#seal;
  }

  /** A new key, kept the best way that this engine, this mode and its purpose allow. */
  async generate(alg: Algorithm, sealed: boolean): Promise<StoredKeyPair> {
    const seal = this.seal();
    const hold = !sealed && !this.#strong && (!this.disk || (await this.#persistence.persists(alg)));
    return hold ? generateNonExtractable(alg) : generateSealed(alg, seal);
  }

  /** The private key of a half, for use. */
  async privateKey(half: StoredKeyPair): Promise<CryptoKey> {
    const name = `${half.alg} ${toBase64url(half.publicKey)}`;
    // In strong mode nothing is usable after `strong.lock`, so nothing is cached from before it either.
    const cached = this.#cached.get(name);
    if (cached !== undefined && half.custody !== undefined) return cached;
    const key = await loadPrivateKey(half, () => this.seal());
    this.#cached.set(name, key);
    return key;
  }
}
