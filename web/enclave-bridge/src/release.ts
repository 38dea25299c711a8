// The one way from an address to "this is the release to load". Nothing of the enclave runs before it is through.
//
//   manifest, bundle, proof ▸ verifier ▸ headers file: which release is served ▸ page ▸ module ▸ digest, name, manifest ▸ csp=
//
// Invariant: a `VerifiedRelease` exists only if every one of these steps held; only with one can a frame be made.

import { isDigest, sha256 } from "./digest.ts";
import { type Bytes, fetched, type Line } from "./fetch.ts";
import { framePolicy } from "./headers.ts";
import type { Remembered } from "./memory.ts";
import { pageOfModule, pageOfRelease } from "./page.ts";
import { Refused } from "./refused.ts";
import type { Release, ReleaseVerifier, TrustedManifest } from "./verifier.ts";

/** The most bytes of each file. */
const MOST = {
  manifest: 1 << 15,
  bundle: 1 << 18,
  proof: 1 << 16,
  headers: 1 << 14,
  page: 1 << 15,
  module: 1 << 22,
} as const;

/** What a host believes: a policy and who checks it, or one digest. */
export type Trust = { readonly policy: Bytes | string; readonly verifier: ReleaseVerifier } | { readonly pin: string };

/** What is known of a release once it is verified. */
export interface Facts {
  /** Digest of the module that runs. */
  readonly sha256: string;
  readonly moduleUrl: string;
  /** When it was verified, in milliseconds since 1970. */
  readonly at: number;
  readonly by: "policy" | "pin";
  /** The rest only by policy. Times in seconds since 1970. */
  readonly version?: number;
  readonly commit?: string;
  readonly schema?: number;
  readonly standing?: "current" | "allowed";
  readonly signer?: { readonly identity: string; readonly issuer: string };
  readonly witnesses?: readonly string[];
  readonly loggedAt?: number;
  readonly expires?: number;
}

export interface Checking {
  readonly url: URL;
  readonly trust: Trust;
  readonly remembered: Remembered;
  readonly line: Line;
  now(): number;
}

export class VerifiedRelease {
  private constructor(
    readonly facts: Facts,
    /** For the frame's `csp=`. */
    readonly policy: string,
  ) {}

  /** Verifies what is served now; with `loaded`, that the module which runs already is still a release. */
  static async check(checking: Checking, loaded?: VerifiedRelease): Promise<VerifiedRelease> {
    const { trust } = checking;
    return "pin" in trust
      ? VerifiedRelease.#pinned(checking, trust.pin)
      : VerifiedRelease.#released(checking, trust, loaded);
  }

  static async #pinned(checking: Checking, pin: string): Promise<VerifiedRelease> {
    if (!isDigest(pin)) throw new Refused("policy", "pin", "a pin is 64 lowercase hexadecimal digits");
    const policy = framePolicy(await headersFile(checking), pin);
    await pageOfModule(await pageFile(checking), pin, policy);
    const { url } = await module(checking, pin);
    return new VerifiedRelease({ sha256: pin, moduleUrl: url.href, at: checking.now(), by: "pin" }, policy);
  }

  static async #released(
    checking: Checking,
    { policy, verifier }: Extract<Trust, { verifier: unknown }>,
    loaded?: VerifiedRelease,
  ): Promise<VerifiedRelease> {
    const believed = typeof policy === "string" ? new TextEncoder().encode(policy) : policy;
    const [evidence, file, page] = await Promise.all([evidenceOf(checking), headersFile(checking), pageFile(checking)]);
    const seen = checking.remembered.seen();
    const trusted = await verifier.manifest(believed, evidence, seen, checking.now());
    const release = loaded === undefined ? await served(trusted, file) : undefined;
    const good = [trusted.current, ...trusted.allowed];
    const wanted = loaded?.facts.sha256 ?? release?.sha256 ?? "";
    if (!good.some(one => one.sha256 === wanted)) {
      throw new Refused("module", "unknown_module", "the manifest does not name the module that runs any more");
    }
    // Beside a module that runs already, the page of any release may be served by now.
    await pageOfRelease(page, release === undefined ? good : [release]);
    const { url, bytes } = await module(checking, wanted);
    const found = await trusted.module(bytes);
    if (found.release.sha256 !== wanted) throw new Refused("module", "digest", "the verifier speaks of another module");
    const framed = loaded?.policy ?? framePolicy(file, wanted);
    checking.remembered.advance(found.seen);
    return new VerifiedRelease({ ...factsOf(trusted, found), moduleUrl: url.href, at: checking.now() }, framed);
  }
}

function factsOf(trusted: TrustedManifest, found: Awaited<ReturnType<TrustedManifest["module"]>>) {
  const { version, commit, schema, sha256 } = found.release;
  const { signer, witnesses, loggedAt, expires } = trusted;
  const { standing } = found;
  return { sha256, by: "policy", version, commit, schema, standing, signer, witnesses, loggedAt, expires } as const;
}

async function evidenceOf({ url, line }: Checking) {
  const [manifest, bundle, proof] = await Promise.all([
    fetched(new URL(".well-known/kms-manifest.json", url), MOST.manifest, line),
    fetched(new URL(".well-known/kms-manifest.sigstore.json", url), MOST.bundle, line),
    fetched(new URL(".well-known/kms-manifest.tlog-proof", url), MOST.proof, line),
  ]);
  return { manifest, bundle, proof };
}

const pageFile = ({ url, line }: Checking): Promise<Bytes> => fetched(url, MOST.page, line);

async function headersFile({ url, line }: Checking): Promise<string> {
  const bytes = await fetched(new URL(".well-known/kms-headers.txt", url), MOST.headers, line);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("headers", "headers_malformed", "the headers file is not text");
  }
}

/** The headers name the module's digest, so the digest of the headers file tells which release is served. */
async function served({ current, allowed }: TrustedManifest, file: string): Promise<Release> {
  const digest = await sha256(new TextEncoder().encode(file));
  const found = [current, ...allowed].find(release => release.headers === digest);
  if (found === undefined) throw new Refused("headers", "headers_file", "the headers file is that of no good release");
  return found;
}

async function module({ url: page, line }: Checking, digest: string): Promise<{ url: URL; bytes: Bytes }> {
  const url = new URL(`artifacts/kms-${digest}.mjs`, page);
  const bytes = await fetched(url, MOST.module, line);
  if ((await sha256(bytes)) !== digest) throw new Refused("module", "digest", "the module's bytes are not its name");
  return { url, bytes };
}
