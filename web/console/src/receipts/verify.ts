/** Checks a receipt's proof step by step, in the page. Each step says what it found. */
import { canonical } from "../args/canonical.ts";
import type { ReceiptDetail } from "../contract.ts";
import { decode } from "../session/base64url.ts";
import { isSigned, parseCheckpoint } from "./checkpoint.ts";
import { leafHash, rootFrom, same } from "./merkle.ts";

export interface Step {
  /** `undefined`: this browser cannot check it. */
  holds: boolean | undefined;
  text: string;
}

export async function verify(detail: ReceiptDetail, key: string | undefined): Promise<Step[]> {
  try {
    return await steps(detail, key);
  } catch {
    return [{ holds: false, text: "The proof cannot be read." }];
  }
}

async function steps(detail: ReceiptDetail, key: string | undefined): Promise<Step[]> {
  const leaf = await leafHash(new TextEncoder().encode(canonical(detail.receipt)));
  const checkpoint = parseCheckpoint(detail.proof.checkpoint);
  if (!checkpoint) return [{ holds: false, text: "The checkpoint cannot be read." }];
  const index = BigInt(detail.id.replace(/^r/, ""));
  const root = await rootFrom(leaf, index, checkpoint.size, detail.proof.path.map(decode));
  const signed = key === undefined ? undefined : await isSigned(checkpoint, key);
  const unsigned = "The checkpoint’s signature cannot be checked in this browser; `briefcase receipts verify` does";
  return [
    { holds: same(leaf, decode(detail.proof.leaf)), text: "What is shown above hashes to the leaf of the log" },
    {
      holds: root !== undefined && same(root, checkpoint.root),
      text: `The leaf is number ${index} of ${checkpoint.size} under the checkpoint’s root (${detail.proof.path.length} hashes)`,
    },
    { holds: signed, text: signed === undefined ? unsigned : "The checkpoint is signed with the log’s key" },
  ];
}
