// The state that the steps share: the enclave, the addresses, and the data that this page stores between visits. That
// data is not secret: key ids, public keys, and a backup encrypted with a code that this page never sees.

import type { Enclave, PublicJwk } from "../../enclave-bridge/src/index.ts";

export interface Config {
  readonly enclave: string;
  /** The module's digest; null if the release is verified by policy. */
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
  /** The key in the backup. */
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

  /** Removes keys that the enclave no longer has. */
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
