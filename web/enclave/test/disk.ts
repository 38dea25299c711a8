// What somebody gets who copies the browser's files.

import { createPrivateKey, createPublicKey } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where engines keep IndexedDB below a profile. */
const STORES = /\/(IndexedDB|storage\/default)\//;
const PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Whether the private half of an Ed25519 key lies in clear in the profile's databases. */
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

/** What could be a seed: 32 bytes after the tag that PKCS #8 has before them. */
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
