// What the bridge needs from a release verifier. The project's own is `crates/release` as WebAssembly; it is handed in,
// so that a host which pins a digest does not carry it, and no code here decides twice what a release is.

/** One release, as the manifest names it. */
export interface Release {
  readonly version: number;
  readonly commit: string;
  readonly schema: number;
  /** Digests: 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  readonly page: string;
  readonly headers: string;
}

/** What was seen before: the highest release that was used, floor of a manifest, and place of a manifest in the log. */
export interface Seen {
  readonly version: number;
  readonly floor: number;
  readonly index: number;
}

export interface Evidence {
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly bundle: Uint8Array<ArrayBuffer>;
  readonly proof: Uint8Array<ArrayBuffer>;
}

export interface ReleaseVerifier {
  /**
   * Verifies signature, log, witnesses, form, end, and that nothing went back. `policy` has the form
   * `briefcase/release-policy@1`; `now` is in milliseconds since 1970. Throws `Refused` with the layer that caught it.
   */
  manifest(
    policy: Uint8Array<ArrayBuffer>,
    evidence: Evidence,
    seen: Seen,
    now: number,
  ): Promise<TrustedManifest> | TrustedManifest;
}

export interface TrustedManifest {
  readonly current: Release;
  readonly allowed: readonly Release[];
  /** Seconds since 1970, both. */
  readonly expires: number;
  readonly loggedAt: number;
  readonly index: number;
  readonly signer: { readonly identity: string; readonly issuer: string };
  /** Names of the witnesses whose cosignatures counted. */
  readonly witnesses: readonly string[];
  /** Verifies that these bytes are a module that may be used. Throws `Refused`. */
  module(bytes: Uint8Array<ArrayBuffer>): Promise<TrustedModule> | TrustedModule;
}

export interface TrustedModule {
  readonly release: Release;
  readonly standing: "current" | "allowed";
  /** To be stored, and handed in next time. */
  readonly seen: Seen;
}
