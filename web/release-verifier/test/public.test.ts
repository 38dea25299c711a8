// A bundle of the public Sigstore instance, verified in WebAssembly with the instance's real trusted root. It signs no
// manifest of our log, so verification fails at the log, after a valid signature.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ReleaseVerifier } from "../bindings.ts";

/** A time after the bundle was signed. */
const NOW = Date.UTC(2026, 0, 1);

const file = async (path: string) => new Uint8Array(await readFile(path));
const bundles = `${SHIPPED["sigstore-verify"]}test_data/bundles/`;

test("a signature of the public instance is valid, and only for its bytes", async () => {
  const { texts } = JSON.parse(await readFile(`${VECTORS}release/cases.json`, "utf8"));
  const root = await readFile(`${SHIPPED["sigstore-trust-root"]}src/trusted_root.json`, "utf8");
  const policy = JSON.stringify({
    ...JSON.parse(texts["policy 01"]),
    identity: "w.vollprecht@gmail.com",
    issuer: "https://github.com/login/oauth",
    trusted_root: JSON.parse(root),
  });
  const verifier = await ReleaseVerifier.load(await file(VERIFIER_FILE));
  const bundle = await file(`${bundles}cosign-v3-blob.sigstore.json`);
  const blob = await file(`${bundles}cosign-v3-blob.txt`);
  const ask = (manifest: Uint8Array<ArrayBuffer>) => {
    const evidence = { manifest, bundle, proof: new Uint8Array(0) };
    const seen = { version: 0, floor: 0, index: 0 };
    return verifier.manifest(new TextEncoder().encode(policy), evidence, seen, NOW);
  };
  await assert.rejects(ask(blob), { layer: "log", code: "proof_malformed" });
  await assert.rejects(ask(Uint8Array.of(...blob, 10)), { layer: "signature", code: "artifact" });
});
