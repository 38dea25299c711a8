// Why an enclave is not used. One error for every layer, with a word that stays and a next step.
//
// Invariant: whatever the bridge throws before an enclave may be asked anything is a `Refused`, so a host can tell
// "somebody tampers" from "there is no network" without reading sentences.

const NEXT = {
  policy: "Check the release policy that this page was built with.",
  signature: "Do not use this enclave. Whoever serves it did not sign this manifest; tell its maintainers.",
  log: "Do not use this enclave. Its manifest is not in the release log; tell its maintainers.",
  witness: "Do not use this enclave. Too few witnesses have seen this state of the release log; tell its maintainers.",
  manifest: "Do not use this enclave. Its manifest is damaged; tell its maintainers.",
  expiry: "Verify again. If it stays so, the manifest is not renewed: tell the enclave's maintainers.",
  rollback: "Reload this page. If it stays so, an older release is served than the one you used before: do not use it.",
  module: "Do not use this enclave. Its code is not what was released; tell its maintainers.",
  page: "Do not use this enclave. Its page is not what was released; tell its maintainers.",
  headers: "Do not use this enclave. Its headers are not those of a release; tell its maintainers.",
  fetch: "Check the network and the enclave's address, and verify again.",
  browser: "Use another browser, or correct how this page embeds the enclave.",
  channel: "Verify again to load the enclave anew. What was committed is kept.",
} as const;

/** What caught it: the release verifier's layers first, then what the bridge itself looks at. */
export type Layer = keyof typeof NEXT;

export const LAYERS = Object.keys(NEXT) as readonly Layer[];

export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly layer: Layer,
    /** The reason in one word, which stays the same across versions. */
    readonly code: string,
    message: string,
    readonly next: string = NEXT[layer],
  ) {
    super(message);
  }

  /** Whether it says something about the enclave, or only that it could not be looked at just now. */
  get transient(): boolean {
    return this.layer === "fetch" && this.code !== "too_large" && this.code !== "redirected";
  }

  /** Anything thrown as a refusal. */
  static of(thrown: unknown): Refused {
    if (thrown instanceof Refused) return thrown;
    if (thrown instanceof DOMException && thrown.name === "AbortError") {
      return new Refused("channel", "cancelled", "it was cancelled");
    }
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    return new Refused("browser", "unexpected", `unexpected ${name}`);
  }
}
