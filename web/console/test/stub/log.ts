/** A small real log for the stub: RFC 6962 hashes and a checkpoint signed with Ed25519, made with Node's own crypto. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";

const hash = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((sum, part) => sum.update(part), createHash("sha256")).digest();
export const leafOf = (entry: Uint8Array): Buffer => hash(Uint8Array.of(0), entry);
const node = (left: Uint8Array, right: Uint8Array): Buffer => hash(Uint8Array.of(1), left, right);

/** Returns the largest power of two below `count`. */
function split(count: number): number {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
}

/** The recursive definitions of RFC 6962 section 2.1, deliberately unlike the page's algorithm. */
export function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return leaves[0]!;
  const half = split(leaves.length);
  return node(rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

export function pathOf(index: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length <= 1) return [];
  const half = split(leaves.length);
  return index < half
    ? [...pathOf(index, leaves.slice(0, half)), rootOf(leaves.slice(half))]
    : [...pathOf(index - half, leaves.slice(half)), rootOf(leaves.slice(0, half))];
}

const ORIGIN = "briefcase/h3Vq8Zk1/oB5mWc2nTQe7dLxJ4yKsRg";
const keys = generateKeyPairSync("ed25519");
const raw = keys.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
const typed = Buffer.concat([Uint8Array.of(1), raw]);
const id = hash(Buffer.from(`${ORIGIN}\n`), typed).subarray(0, 4);

export const verifierKey = `${ORIGIN}+${id.toString("hex")}+${typed.toString("base64")}`;

export function checkpointOf(leaves: Buffer[]): string {
  const body = `${ORIGIN}\n${leaves.length}\n${rootOf(leaves).toString("base64")}\n`;
  const signature = Buffer.concat([id, sign(null, Buffer.from(body), keys.privateKey)]).toString("base64");
  return `${body}\n\u2014 ${ORIGIN} ${signature}\n`;
}

export function proofText(index: number, path: Buffer[], checkpoint: string): string {
  const lines = path.map(one => `${one.toString("base64")}\n`).join("");
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${lines}\n${checkpoint}`;
}
