// What the steps share: the enclave, where things are, and what this page keeps between visits, which is no secret:
// names of keys, public keys, and a backup that opens with a code it never saw.

import type { Enclave, PublicJwk } from "../../enclave-bridge/src/index.ts";

export interface Config {
  readonly enclave: string;
  /** The module's digest; null where the release is verified by policy. */
  readonly pin: string | null;
  readonly relay: string;
  readonly push: string;
}

export interface SavedKey {
  readonly kid: string;
  readonly publicKey: PublicJwk;
}

export interface SavedState {
  readonly signing?: SavedKey | undefined;
  readonly push?: SavedKey | undefined;
  /** Base64url. */
  readonly backup?: string | undefined;
  /** Of which key it is. */
  readonly backedUp?: SavedKey | undefined;
}

const NAME = "briefcase-demo";

export class AppState extends EventTarget {
  #saved: SavedState;

  constructor(
    readonly enclave: Enclave,
    readonly config: Config,
  ) {
    super();
    this.#saved = read();
  }

  get saved(): SavedState {
    return this.#saved;
  }

  save(more: SavedState): void {
    this.#saved = { ...this.#saved, ...more };
    localStorage.setItem(NAME, JSON.stringify(this.#saved));
    this.dispatchEvent(new Event("change"));
  }

  /** Forgets keys that the enclave does not have (any more). */
  async dropMissingKeys(): Promise<void> {
    const { keys } = await this.enclave.calls.list();
    const live = (key: SavedKey | undefined) => keys.some(({ kid, state }) => kid === key?.kid && state === "live");
    const { signing, push } = this.#saved;
    this.save({ signing: live(signing) ? signing : undefined, push: live(push) ? push : undefined });
  }
}

function read(): SavedState {
  try {
    return Object(JSON.parse(localStorage.getItem(NAME) ?? "{}"));
  } catch {
    return {};
  }
}
