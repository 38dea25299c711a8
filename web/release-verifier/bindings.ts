// Typed bindings to the release verifier: `crates/release` compiled to WebAssembly. The bridge and the extension use
// them. Only this file knows the fields of each operation.
//
// Invariant: each manifest is verified by its own instance of the module, so no state passes from one manifest to the
// next. The instance is dropped together with its `TrustedManifest`.

import type * as types from "./types.ts";
import type { Bytes, Evidence, ManifestFacts, ModuleFacts, Release, Seen } from "./types.ts";
import { type Refuse, WasmInstance } from "./wasm_instance.ts";

export type { Bytes, Evidence, ManifestFacts, ModuleFacts, Release, Seen } from "./types.ts";
export { NotARelease, type Refuse, VerifierBroken, type VerifierLayer } from "./wasm_instance.ts";

/** The verifier, compiled once. */
export class ReleaseVerifier implements types.ReleaseVerifier {
  readonly #module: WebAssembly.Module;
  readonly #refuse: Refuse | undefined;

  private constructor(module: WebAssembly.Module, refuse: Refuse | undefined) {
    this.#module = module;
    this.#refuse = refuse;
  }

  /** Compiles the module. `refuse` creates the error that a refusal throws; the default is `NotARelease`. */
  static async load(bytes: Bytes, refuse?: Refuse): Promise<ReleaseVerifier> {
    return new ReleaseVerifier(await WebAssembly.compile(bytes), refuse);
  }

  /** Verifies signature, log inclusion, witnesses, format, expiry and rollback. `now` is in milliseconds since 1970. */
  async manifest(policy: Bytes, evidence: Evidence, seen: Seen, now: number): Promise<TrustedManifest> {
    const wasm = await WasmInstance.start(this.#module, now, this.#refuse);
    const fields = [evidence.manifest, evidence.bundle, evidence.proof, seen.version, seen.floor, seen.index, now];
    return new TrustedManifest(wasm, wasm.run(1, [policy, ...fields]));
  }
}

/** A manifest that is signed, logged, witnessed, unexpired and not rolled back. */
export class TrustedManifest implements types.TrustedManifest {
  readonly #wasm: WasmInstance;
  readonly current: Release;
  readonly allowed: readonly Release[];
  readonly expires: number;
  readonly loggedAt: number;
  readonly index: number;
  readonly signer: ManifestFacts["signer"];
  readonly witnesses: readonly string[];

  /** Called only by `ReleaseVerifier.manifest`. */
  constructor(wasm: WasmInstance, response: string) {
    const facts: ManifestFacts = JSON.parse(response);
    this.#wasm = wasm;
    this.current = facts.current;
    this.allowed = facts.allowed;
    this.expires = facts.expires;
    this.loggedAt = facts.loggedAt;
    this.index = facts.index;
    this.signer = facts.signer;
    this.witnesses = facts.witnesses;
  }

  /** Verifies that these bytes are an allowed module. */
  module(bytes: Bytes): TrustedModule {
    return new TrustedModule(this.#wasm, this.#wasm.run(2, [bytes]));
  }
}

/** A module of a release. Page and headers must belong to the same release. */
export class TrustedModule implements ModuleFacts {
  readonly #wasm: WasmInstance;
  readonly release: Release;
  readonly status: "current" | "allowed";
  readonly seen: Seen;

  constructor(wasm: WasmInstance, response: string) {
    const facts: ModuleFacts = JSON.parse(response);
    this.#wasm = wasm;
    this.release = facts.release;
    this.status = facts.status;
    this.seen = facts.seen;
  }

  /** Verifies that these bytes are the release's page. */
  page(bytes: Bytes): void {
    this.#wasm.run(3, [this.release.sha256, bytes]);
  }

  /** Verifies that these bytes are the release's headers file. */
  headers(file: Bytes): void {
    this.#wasm.run(4, [this.release.sha256, file]);
  }

  /** Verifies that a response for `path` (which starts with `/`) carried the headers that the file requires. */
  sent(file: Bytes, path: string, headers: Iterable<readonly [string, string]>): void {
    this.#wasm.run(5, [this.release.sha256, file, path, ...Array.from(headers).flat()]);
  }
}
