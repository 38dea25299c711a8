// The verification of a release, from the address to the frame. No code of the enclave runs before it succeeds.
//
// manifest, bundle, proof ▸ verifier ▸ headers file: the served release ▸ page ▸ module ▸ digest, name, manifest ▸ csp=
//
// Invariant: a `VerifiedRelease` exists only if every step succeeded, and a frame can be created only from it.

import type { Release, ReleaseVerifier, TrustedManifest } from "../../release-verifier/types.ts";
import { isDigest, sha256 } from "./digest.ts";
import { type Bytes, type FetchOptions, fetchBytes } from "./fetch.ts";
import { framePolicy } from "./headers.ts";
import type { HostMemory } from "./host_memory.ts";
import { pageOfModule, pageOfRelease } from "./page.ts";
import { Refused } from "./refused.ts";

/** The size limit of each file, in bytes. */
const MAX_BYTES = {
  manifest: 1 << 15,
  bundle: 1 << 18,
  proof: 1 << 16,
  headers: 1 << 14,
  page: 1 << 15,
  module: 1 << 22,
} as const;

/** The trust configuration of a host: a policy and a verifier, or one digest. */
export type Trust = { readonly policy: Bytes | string; readonly verifier: ReleaseVerifier } | { readonly pin: string };

/** The facts about a verified release. */
export interface Facts {
  /** The digest of the running module. */
  readonly sha256: string;
  readonly moduleUrl: string;
  /** The time of verification, in milliseconds since 1970. */
  readonly at: number;
  readonly by: "policy" | "pin";
  /** The following members exist only with a policy. Times are in seconds since 1970. */
  readonly version?: number;
  readonly commit?: string;
  readonly schema?: number;
  readonly status?: "current" | "allowed";
  readonly signer?: { readonly identity: string; readonly issuer: string };
  readonly witnesses?: readonly string[];
  readonly loggedAt?: number;
  readonly expires?: number;
}

export interface CheckContext {
  readonly url: URL;
  readonly trust: Trust;
  readonly memory: HostMemory;
  readonly fetchOptions: FetchOptions;
  now(): number;
}

export class VerifiedRelease {
  private constructor(
    readonly facts: Facts,
    /** The value of the frame's `csp=`. */
    readonly policy: string,
  ) {}

  /** Verifies the served release. With `loaded`, verifies that the running module still belongs to a release. */
  static async check(context: CheckContext, loaded?: VerifiedRelease): Promise<VerifiedRelease> {
    const { trust } = context;
    return "pin" in trust
      ? VerifiedRelease.#pinned(context, trust.pin)
      : VerifiedRelease.#released(context, trust, loaded);
  }

  static async #pinned(context: CheckContext, pin: string): Promise<VerifiedRelease> {
    if (!isDigest(pin)) throw new Refused("policy", "pin", "a pin must be 64 lowercase hexadecimal digits");
    const policy = framePolicy(await headersFile(context), pin);
    await pageOfModule(await pageFile(context), pin, policy);
    const { url } = await module(context, pin);
    return new VerifiedRelease({ sha256: pin, moduleUrl: url.href, at: context.now(), by: "pin" }, policy);
  }

  static async #released(
    context: CheckContext,
    { policy, verifier }: Extract<Trust, { verifier: unknown }>,
    loaded?: VerifiedRelease,
  ): Promise<VerifiedRelease> {
    const policyBytes = typeof policy === "string" ? new TextEncoder().encode(policy) : policy;
    const [evidence, file, page] = await Promise.all([evidenceOf(context), headersFile(context), pageFile(context)]);
    const seen = context.memory.seen();
    const trusted = await verifier.manifest(policyBytes, evidence, seen, context.now());
    const release = loaded === undefined ? await served(trusted, file) : undefined;
    const good = [trusted.current, ...trusted.allowed];
    const wanted = loaded?.facts.sha256 ?? release?.sha256 ?? "";
    if (!good.some(one => one.sha256 === wanted)) {
      throw new Refused("module", "unknown_module", "the manifest no longer names the running module");
    }
    // With a running module, the served page may belong to any allowed release.
    await pageOfRelease(page, release === undefined ? good : [release]);
    const { url, bytes } = await module(context, wanted);
    const found = await trusted.module(bytes);
    if (found.release.sha256 !== wanted) throw new Refused("module", "digest", "the verifier returned another module");
    const framed = loaded?.policy ?? framePolicy(file, wanted);
    context.memory.advance(found.seen);
    return new VerifiedRelease({ ...factsOf(trusted, found), moduleUrl: url.href, at: context.now() }, framed);
  }
}

function factsOf(trusted: TrustedManifest, found: Awaited<ReturnType<TrustedManifest["module"]>>) {
  const { version, commit, schema, sha256 } = found.release;
  const { signer, witnesses, loggedAt, expires } = trusted;
  const { status } = found;
  return { sha256, by: "policy", version, commit, schema, status, signer, witnesses, loggedAt, expires } as const;
}

async function evidenceOf({ url, fetchOptions }: CheckContext) {
  const [manifest, bundle, proof] = await Promise.all([
    fetchBytes(new URL(".well-known/kms-manifest.json", url), MAX_BYTES.manifest, fetchOptions),
    fetchBytes(new URL(".well-known/kms-manifest.sigstore.json", url), MAX_BYTES.bundle, fetchOptions),
    fetchBytes(new URL(".well-known/kms-manifest.tlog-proof", url), MAX_BYTES.proof, fetchOptions),
  ]);
  return { manifest, bundle, proof };
}

const pageFile = ({ url, fetchOptions }: CheckContext): Promise<Bytes> => fetchBytes(url, MAX_BYTES.page, fetchOptions);

async function headersFile({ url, fetchOptions }: CheckContext): Promise<string> {
  const bytes = await fetchBytes(new URL(".well-known/kms-headers.txt", url), MAX_BYTES.headers, fetchOptions);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("headers", "headers_malformed", "the headers file is not UTF-8");
  }
}

/** Identifies the served release by the digest of the headers file, which names the module's digest. */
async function served({ current, allowed }: TrustedManifest, file: string): Promise<Release> {
  const digest = await sha256(new TextEncoder().encode(file));
  const found = [current, ...allowed].find(release => release.headers === digest);
  if (found === undefined)
    throw new Refused("headers", "headers_file", "the headers file belongs to no allowed release");
  return found;
}

async function module({ url: page, fetchOptions }: CheckContext, digest: string): Promise<{ url: URL; bytes: Bytes }> {
  const url = new URL(`artifacts/kms-${digest}.mjs`, page);
  const bytes = await fetchBytes(url, MAX_BYTES.module, fetchOptions);
  if ((await sha256(bytes)) !== digest)
    throw new Refused("module", "digest", "the module's digest differs from its name");
  return { url, bytes };
}
