// A test double of the release verifier, without WebAssembly. It has the same layers in the same order, but no proofs.
// It is never part of a build.

import type { Release, ReleaseVerifier, Seen } from "../../../release-verifier/types.ts";
import { Refused } from "../../src/refused.ts";

export interface Manifest {
  readonly current: Release;
  readonly allowed: readonly Release[];
  readonly deprecated: readonly Release[];
  readonly expires: number;
  readonly version_floor: number;
}

const read = (bytes: Uint8Array): Record<string, unknown> => Object(JSON.parse(new TextDecoder().decode(bytes)));

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, byte => byte.toString(16).padStart(2, "0")).join("");
}

export const double: ReleaseVerifier = {
  async manifest(policy, { manifest, bundle, proof }, seen, now) {
    const believed = read(policy);
    const signed = read(bundle);
    const logged = read(proof);
    const of = await digest(manifest);
    if (signed["digest"] !== of) throw new Refused("signature", "signature", "a signature of other bytes");
    if (signed["identity"] !== believed["identity"])
      throw new Refused("signature", "identity", "another identity signed");
    if (logged["digest"] !== of) throw new Refused("log", "not_in_log", "the manifest is not in the log");
    const witnesses = logged["witnesses"] as string[];
    if (witnesses.length < Number(believed["quorum"]))
      throw new Refused("witness", "witness_quorum", "too few witnesses");
    const said = read(manifest) as unknown as Manifest & { form: string };
    if (said.form !== "briefcase/kms-manifest@1")
      throw new Refused("manifest", "manifest_malformed", "the manifest is malformed");
    if (now >= said.expires * 1000) throw new Refused("expiry", "expired", "the manifest has expired");
    const index = Number(logged["index"]);
    if (index < seen.index || said.current.version < seen.version || said.version_floor < seen.floor) {
      throw new Refused("rollback", "older_manifest", "the manifest is older than one seen before");
    }
    return {
      current: said.current,
      allowed: said.allowed,
      expires: said.expires,
      loggedAt: 1_790_000_000,
      index,
      signer: { identity: String(signed["identity"]), issuer: "https://issuer.example" },
      witnesses,
      module: async bytes => named(said, index, await digest(bytes), seen),
    };
  },
};

function named(said: Manifest, index: number, sha256: string, seen: Seen) {
  const release = [said.current, ...said.allowed].find(one => one.sha256 === sha256);
  if (release === undefined) throw new Refused("module", "unknown_module", "the module is not in the manifest");
  if (release.version < seen.version) throw new Refused("rollback", "older_module", "a newer module was used before");
  const status = release === said.current ? ("current" as const) : ("allowed" as const);
  return { release, status, seen: { version: release.version, floor: said.version_floor, index } };
}
