/** RFC 6962 hashes and inclusion proofs with the browser's own SHA-256, so the page need not trust the daemon. */

async function sha256(...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(entry: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return sha256(LEAF, entry);
}

/** Returns the root that a path leads to, or `undefined` if the path does not fit the index. */
export async function rootFrom(
  leaf: Uint8Array<ArrayBuffer>,
  index: bigint,
  size: bigint,
  path: Uint8Array[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (index < 0n || index >= size) return undefined;
  let [place, last, hash] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (sibling.length !== 32 || last === 0n) return undefined;
    if ((place & 1n) === 1n || place === last) {
      hash = await sha256(NODE, sibling, hash);
      while ((place & 1n) === 0n && place !== 0n) [place, last] = [place >> 1n, last >> 1n];
    } else {
      hash = await sha256(NODE, hash, sibling);
    }
    [place, last] = [place >> 1n, last >> 1n];
  }
  return last === 0n ? hash : undefined;
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}
