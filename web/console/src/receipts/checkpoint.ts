/** Signed checkpoints (C2SP tlog-checkpoint in a signed note), and their verification with the log's key. */
import { decode } from "../session/base64url.ts";

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Uint8Array<ArrayBuffer>;
  /** The signed bytes. */
  body: Uint8Array<ArrayBuffer>;
  signatures: { name: string; id: Uint8Array; signature: Uint8Array<ArrayBuffer> }[];
}

const SIGNATURE = /^\u2014 (\S+) (\S+)$/;

export function parseCheckpoint(note: string): Checkpoint | undefined {
  const end = note.indexOf("\n\n");
  const [origin, size, root] = note.slice(0, end).split("\n");
  if (end < 0 || !origin || !/^(0|[1-9]\d*)$/.test(size ?? "") || !root) return undefined;
  try {
    const signatures = note
      .slice(end + 2)
      .split("\n")
      .flatMap(line => {
        const [, name, signed] = SIGNATURE.exec(line) ?? [];
        if (name === undefined || signed === undefined) return [];
        const bytes = decode(signed);
        return [{ name, id: bytes.slice(0, 4), signature: bytes.slice(4) }];
      });
    const body = new TextEncoder().encode(note.slice(0, end + 1));
    return { origin, size: BigInt(size ?? ""), root: decode(root), body, signatures };
  } catch {
    return undefined;
  }
}

/** Verifies the checkpoint's signature. Returns `undefined` if the browser lacks Ed25519 or the key is unreadable. */
export async function isSigned(checkpoint: Checkpoint, keyText: string): Promise<boolean | undefined> {
  const raw = publicKey(keyText.trim());
  if (!raw) return undefined;
  try {
    const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    const own = checkpoint.signatures.filter(one => one.name === checkpoint.origin && one.signature.length === 64);
    const held = await Promise.all(
      own.map(one => crypto.subtle.verify({ name: "Ed25519" }, key, one.signature, checkpoint.body)),
    );
    return held.some(one => one);
  } catch {
    return undefined;
  }
}

/** Returns the 32 bytes of `origin+hash+key` or of bare base64url. */
function publicKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const verifier = /^[^+\s]+\+[0-9a-f]{8}\+(\S+)$/.exec(text)?.[1];
    const bytes = decode(verifier ?? text);
    if (verifier !== undefined) return bytes.length === 33 && bytes[0] === 1 ? bytes.slice(1) : undefined;
    return bytes.length === 32 ? bytes : undefined;
  } catch {
    return undefined;
  }
}
