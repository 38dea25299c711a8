// A bundle that the public Sigstore instance made, before its real trusted root, in WebAssembly. What it signs is no
// manifest and in no log of ours, so it ends at the log: the signature before that held.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { ReleaseVerifier } from "../door.ts";

/** The data that lies beside the checkout. */
async function file(name: string): Promise<Uint8Array<ArrayBuffer>> {
  let folder = path.resolve(VECTORS);
  while (!existsSync(path.join(folder, "shared/data/sigstore", name))) {
    const above = path.dirname(folder);
    assert.notEqual(above, folder, `there is no shared/data/sigstore/${name} beside the checkout; this test needs it`);
    folder = above;
  }
  return new Uint8Array(await readFile(path.join(folder, "shared/data/sigstore", name)));
}

test("a signature of the public instance holds, and only over its bytes", async () => {
  const { texts } = JSON.parse(await readFile(`${VECTORS}release/cases.json`, "utf8"));
  const decoder = new TextDecoder();
  const policy = JSON.stringify({
    ...JSON.parse(texts["policy 01"]),
    identity: "w.vollprecht@gmail.com",
    issuer: "https://github.com/login/oauth",
    trusted_root: JSON.parse(decoder.decode(await file("trusted_root.json"))),
  });
  const verifier = await ReleaseVerifier.load(new Uint8Array(await readFile(VERIFIER_FILE)));
  const [bundle, blob] = [await file("cosign-v3-blob.sigstore.json"), await file("cosign-v3-blob.txt")];
  const ask = (manifest: Uint8Array<ArrayBuffer>) => {
    const evidence = { manifest, bundle, proof: new Uint8Array(0) };
    const seen = { version: 0, floor: 0, index: 0 };
    return verifier.manifest(new TextEncoder().encode(policy), evidence, seen, Date.now());
  };
  await assert.rejects(ask(blob), { layer: "log", code: "proof_malformed" });
  await assert.rejects(ask(Uint8Array.of(...blob, 10)), { layer: "signature", code: "artifact" });
});
