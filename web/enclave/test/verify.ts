// Independent verification: Node's own cryptography, and the audit log's chain computed again.

import assert from "node:assert/strict";
import { createHash, createPublicKey, hkdfSync, type JsonWebKey, verify } from "node:crypto";
import type { Host, Loose } from "./host.ts";
import { read } from "./host.ts";

export function valid(jwk: JsonWebKey, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: jwk, format: "jwk" });
  if (jwk.crv === "Ed25519") return verify(null, message, key, signature);
  return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** Returns the RFC 7638 thumbprint. */
export function thumbprint(jwk: JsonWebKey): string {
  const { crv, kty, x, y } = jwk;
  const form = y === undefined ? { crv, kty, x } : { crv, kty, x, y };
  return createHash("sha256").update(JSON.stringify(form)).digest("base64url");
}

/** Computes the documented result of `derive` for a shared secret. */
export function derived(shared: Uint8Array, host: string, info: Uint8Array): Buffer {
  const parts = [Buffer.from("briefcase enclave derive v1"), Buffer.from(host), Buffer.from(info)];
  const whole = parts.flatMap(part => [Buffer.from([part.length >> 8, part.length & 255]), part]);
  return Buffer.from(hkdfSync("sha256", shared, Buffer.alloc(32), Buffer.concat(whole), 32));
}

export interface Entry {
  readonly seq: number;
  readonly time: number;
  readonly previous: string;
  readonly method: string;
  readonly kid?: string;
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Reads the whole audit log and verifies every link and the signature of the head. */
export async function record(host: Host): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let link: Buffer = Buffer.alloc(32);
  for (;;) {
    const page = await host.call("audit", { from: entries.length });
    assert.deepEqual(read(page.previous), link, "the page begins where the one before ended");
    for (const sealed of page.entries) {
      const bytes = read(sealed);
      const entry = JSON.parse(bytes.toString()) as Entry;
      assert.equal(entry.seq, entries.length);
      assert.equal(entry.previous, link.toString("base64url"));
      link = createHash("sha256")
        .update(Buffer.from([0]))
        .update(link)
        .update(bytes)
        .digest();
      entries.push(entry);
    }
    if (entries.length < page.head.count) continue;
    assert.deepEqual(read(page.head.link), link, "the head is the end of the chain");
    signedHead(page.head, entries.length, link);
    return entries;
  }
}

function signedHead(head: Loose, count: number, link: Buffer): void {
  if (head.signed === undefined) return;
  const jwk = { kty: "OKP", crv: "Ed25519", x: read(head.publicKey).toString("base64url") };
  const document = read(head.signed.document);
  assert.ok(valid(jwk, document, read(head.signed.signature)), "the head is signed by the audit key");
  const signed = JSON.parse(document.toString());
  assert.deepEqual([signed.count, signed.link, signed.kid], [count, link.toString("base64url"), thumbprint(jwk)]);
}
