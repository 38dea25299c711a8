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

export interface KeyNote {
  readonly kid: string;
  readonly publicKey: PublicJwk;
}

export interface Notes {
  readonly signing?: KeyNote | undefined;
  readonly push?: KeyNote | undefined;
  /** Base64url. */
  readonly backup?: string | undefined;
  /** Of which key it is. */
  readonly backedUp?: KeyNote | undefined;
}

const NAME = "briefcase-demo";

export class Desk extends EventTarget {
  #notes: Notes;

  constructor(
    readonly enclave: Enclave,
    readonly config: Config,
  ) {
    super();
    this.#notes = read();
  }

  get notes(): Notes {
    return this.#notes;
  }

  note(more: Notes): void {
    this.#notes = { ...this.#notes, ...more };
    localStorage.setItem(NAME, JSON.stringify(this.#notes));
    this.dispatchEvent(new Event("change"));
  }

  /** Forgets keys that the enclave does not have (any more). */
  async compare(): Promise<void> {
    const { keys } = await this.enclave.calls.list();
    const live = (key: KeyNote | undefined) => keys.some(({ kid, state }) => kid === key?.kid && state === "live");
    const { signing, push } = this.#notes;
    this.note({ signing: live(signing) ? signing : undefined, push: live(push) ? push : undefined });
  }
}

function read(): Notes {
  try {
    return Object(JSON.parse(localStorage.getItem(NAME) ?? "{}"));
  } catch {
    return {};
  }
}
