// The typed door to the release verifier, which is `crates/release` as WebAssembly. Bridge and extension use it; this file
// alone knows which fields an operation has.
//
// Invariant: each manifest is looked at by a copy of the module of its own, so nothing of one is left for the next, and
// what a copy found goes away with the `TrustedManifest` that came out of it.

import { Copy, type Refuse } from "./copy.ts";

export { NotARelease, type Refuse, VerifierBroken, type VerifierLayer } from "./copy.ts";

type Bytes = Uint8Array<ArrayBuffer>;

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

/** What was seen before. Whoever has seen nothing starts with zeros. */
export interface Seen {
  readonly version: number;
  readonly floor: number;
  readonly index: number;
}

/** What was fetched beside a module. */
export interface Evidence {
  readonly manifest: Bytes;
  readonly bundle: Bytes;
  readonly proof: Bytes;
}

interface ManifestFacts {
  readonly current: Release;
  readonly allowed: readonly Release[];
  readonly expires: number;
  readonly loggedAt: number;
  readonly index: number;
  readonly signer: { readonly identity: string; readonly issuer: string };
  readonly witnesses: readonly string[];
}

interface ModuleFacts {
  readonly release: Release;
  readonly standing: "current" | "allowed";
  readonly seen: Seen;
}

/** The verifier, compiled once. */
export class ReleaseVerifier {
  readonly #module: WebAssembly.Module;
  readonly #refuse: Refuse | undefined;

  private constructor(module: WebAssembly.Module, refuse: Refuse | undefined) {
    this.#module = module;
    this.#refuse = refuse;
  }

  /** Compiles the module. `refuse` makes the error that a refusal throws; without it, that is `NotARelease`. */
  static async load(bytes: Bytes, refuse?: Refuse): Promise<ReleaseVerifier> {
    return new ReleaseVerifier(await WebAssembly.compile(bytes), refuse);
  }

  /** Verifies signature, log, witnesses, form, end, and that nothing went back. `now` is in milliseconds since 1970. */
  async manifest(policy: Bytes, evidence: Evidence, seen: Seen, now: number): Promise<TrustedManifest> {
    const copy = await Copy.of(this.#module, now, this.#refuse);
    const fields = [evidence.manifest, evidence.bundle, evidence.proof, seen.version, seen.floor, seen.index, now];
    return new TrustedManifest(copy, copy.run(1, [policy, ...fields]));
  }
}

/** A manifest that is signed, logged, witnessed, in force and not older than what was seen. */
export class TrustedManifest implements ManifestFacts {
  readonly #copy: Copy;
  readonly current: Release;
  readonly allowed: readonly Release[];
  /** Seconds since 1970, both. */
  readonly expires: number;
  readonly loggedAt: number;
  readonly index: number;
  readonly signer: { readonly identity: string; readonly issuer: string };
  /** Names of the witnesses whose cosignatures counted. */
  readonly witnesses: readonly string[];

  /** Only `ReleaseVerifier.manifest` makes one. */
  constructor(copy: Copy, answer: string) {
    const facts: ManifestFacts = JSON.parse(answer);
    this.#copy = copy;
    this.current = facts.current;
    this.allowed = facts.allowed;
    this.expires = facts.expires;
    this.loggedAt = facts.loggedAt;
    this.index = facts.index;
    this.signer = facts.signer;
    this.witnesses = facts.witnesses;
  }

  /** Verifies that these bytes are a module that may be used. */
  module(bytes: Bytes): TrustedModule {
    return new TrustedModule(this.#copy, this.#copy.run(2, [bytes]));
  }
}

/** A module that is a release; page and headers have to be of the same one. */
export class TrustedModule implements ModuleFacts {
  readonly #copy: Copy;
  readonly release: Release;
  readonly standing: "current" | "allowed";
  /** To be stored, and handed in next time. */
  readonly seen: Seen;

  constructor(copy: Copy, answer: string) {
    const facts: ModuleFacts = JSON.parse(answer);
    this.#copy = copy;
    this.release = facts.release;
    this.standing = facts.standing;
    this.seen = facts.seen;
  }

  /** Verifies that this is the release's page. */
  page(bytes: Bytes): void {
    this.#copy.run(3, [this.release.sha256, bytes]);
  }

  /** Verifies that this is the release's headers file. */
  headers(file: Bytes): void {
    this.#copy.run(4, [this.release.sha256, file]);
  }

  /** Verifies that a response for `path` (which begins with `/`) was sent with the headers that the file names. */
  sent(file: Bytes, path: string, headers: Iterable<readonly [string, string]>): void {
    this.#copy.run(5, [this.release.sha256, file, path, ...Array.from(headers).flat()]);
  }
}
