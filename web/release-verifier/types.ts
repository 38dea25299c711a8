// The types of the release verifier. The bindings implement them, and the bridge depends on these types only: a host
// that pins a digest does not load the verifier.

export type Bytes = Uint8Array<ArrayBuffer>;

/** One release, as the manifest describes it. */
export interface Release {
  readonly version: number;
  readonly commit: string;
  readonly schema: number;
  /** Digests: 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  readonly page: string;
  readonly headers: string;
}

/** The rollback state of a host: highest release used, highest manifest floor, highest log index. All zero at first. */
export interface Seen {
  readonly version: number;
  readonly floor: number;
  readonly index: number;
}

/** The files that are fetched beside a module. */
export interface Evidence {
  readonly manifest: Bytes;
  readonly bundle: Bytes;
  readonly proof: Bytes;
}

/** The verified content of a manifest. */
export interface ManifestFacts {
  readonly current: Release;
  readonly allowed: readonly Release[];
  /** Seconds since 1970, both. */
  readonly expires: number;
  readonly loggedAt: number;
  readonly index: number;
  readonly signer: { readonly identity: string; readonly issuer: string };
  /** Names of the witnesses whose cosignatures counted. */
  readonly witnesses: readonly string[];
}

/** The verified facts about a module. */
export interface ModuleFacts {
  readonly release: Release;
  readonly status: "current" | "allowed";
  /** The new rollback state. Store it and pass it in next time. */
  readonly seen: Seen;
}

export interface ReleaseVerifier {
  /**
   * Verifies signature, log inclusion, witnesses, format, expiry and rollback. `policy` has the format
   * `briefcase/release-policy@1`; `now` is in milliseconds since 1970. Throws an error that names the failed layer.
   */
  manifest(policy: Bytes, evidence: Evidence, seen: Seen, now: number): Promise<TrustedManifest> | TrustedManifest;
}

/** A manifest that is signed, logged, witnessed, unexpired and not rolled back. */
export interface TrustedManifest extends ManifestFacts {
  /** Verifies that these bytes are an allowed module. Throws an error that names the failed layer. */
  module(bytes: Bytes): Promise<ModuleFacts> | ModuleFacts;
}
