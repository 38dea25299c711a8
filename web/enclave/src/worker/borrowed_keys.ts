// Private keys that the core may use without holding them. A key is lent for one transaction under a name; the core's
// requests for other names fail.

import type { KeyOperations } from "../../../enclave-wasm/bindings.ts";
import { owned } from "../bytes.ts";
import { agree, sign } from "./keys/algorithms.ts";

export class BorrowedKeys implements KeyOperations {
  readonly #keys = new Map<string, CryptoKey>();

  lend(name: string, key: CryptoKey): void {
    this.#keys.set(name, key);
  }

  clear(): void {
    this.#keys.clear();
  }

  async dh(name: string, peer: Uint8Array): Promise<Uint8Array> {
    return agree(this.#key(name), owned(peer));
  }

  async sign(name: string, bytes: Uint8Array): Promise<Uint8Array> {
    return sign("Ed25519", this.#key(name), owned(bytes));
  }

  /** The core holds its ML-KEM keys itself: only one engine supports them, and prekeys are sealed as a whole. */
  async decapsulate(): Promise<Uint8Array> {
    throw new Error("no ML-KEM key is lent to the core");
  }

  #key(name: string): CryptoKey {
    const key = this.#keys.get(name);
    if (key === undefined) throw new Error("this key was not lent");
    return key;
  }
}
