// The reason for not using an enclave: one error type for every layer, with a stable code and a next step.
//
// Invariant: every error that the bridge throws before the enclave is usable is a `Refused`. So a host can distinguish
// tampering from a network failure by code.

const NEXT = {
  policy: "Check the release policy that this page was built with.",
  signature: "Do not use this enclave. Its server did not get this manifest signed; notify its maintainers.",
  log: "Do not use this enclave. Its manifest is not in the release log; notify its maintainers.",
  witness: "Do not use this enclave. Too few witnesses cosigned this state of the release log; notify its maintainers.",
  manifest: "Do not use this enclave. Its manifest is damaged; notify its maintainers.",
  expiry: "Verify again. If this persists, the manifest was not renewed: notify the enclave's maintainers.",
  rollback:
    "Reload this page. If this persists, the server sends an older release than you used before: do not use it.",
  module: "Do not use this enclave. Its code is not the released code; notify its maintainers.",
  page: "Do not use this enclave. Its page is not the released page; notify its maintainers.",
  headers: "Do not use this enclave. Its headers are not the released headers; notify its maintainers.",
  fetch: "Check the network and the enclave's address, and verify again.",
  browser: "Use another browser, or fix how this page embeds the enclave.",
  channel: "Verify again to reload the enclave. Committed data is kept.",
} as const;

/** The layer that refused: the release verifier's layers first, then the bridge's own. */
export type Layer = keyof typeof NEXT;

export const LAYERS = Object.keys(NEXT) as readonly Layer[];

export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly layer: Layer,
    /** A one-word reason that stays the same across versions. */
    readonly code: string,
    message: string,
    readonly next: string = NEXT[layer],
  ) {
    super(message);
  }

  /** True if the failure is temporary and says nothing about the enclave. */
  get transient(): boolean {
    return this.layer === "fetch" && this.code !== "too_large" && this.code !== "redirected";
  }

  /** Converts a thrown value to a refusal. */
  static of(thrown: unknown): Refused {
    if (thrown instanceof Refused) return thrown;
    if (thrown instanceof DOMException && thrown.name === "AbortError") {
      return new Refused("channel", "cancelled", "the operation was cancelled");
    }
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    return new Refused("browser", "unexpected", `unexpected ${name}`);
  }
}
