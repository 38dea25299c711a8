// The view of an attacker who copies the browser's files.

import { createPrivateKey, createPublicKey } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The folders of IndexedDB inside a profile. */
const STORES = /\/(IndexedDB|storage\/default)\//;
const PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Checks whether the private key of an Ed25519 pair is in the profile's databases in plain text. */
export async function liesInClear(profile: string, jwk: { readonly x?: string }): Promise<boolean> {
  const files = await readdir(profile, { recursive: true, withFileTypes: true });
  const paths = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name));
  const stores = paths.filter(path => STORES.test(path));
  if (stores.length === 0) throw new Error(`${profile} has no databases`);
  for (const path of stores) {
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (seeds(bytes).some(seed => publicOf(seed) === jwk.x)) return true;
  }
  return false;
}

/** Returns possible seeds: 32 bytes after the tag that precedes them in PKCS #8. */
function seeds(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf("\x04\x20"); at >= 0; at = bytes.indexOf("\x04\x20", at + 1)) {
    if (at + 34 <= bytes.length) found.push(bytes.subarray(at + 2, at + 34));
  }
  return found;
}

function publicOf(seed: Buffer): string | undefined {
  const key = createPrivateKey({ key: Buffer.concat([PREFIX, seed]), format: "der", type: "pkcs8" });
  return createPublicKey(key).export({ format: "jwk" }).x;
}
