/** Verifies a receipt's proof step by step, in the page. */
import { canonical } from "../args/canonical.ts";
import type { ReceiptDetail } from "../generated/contract.ts";
import { decode } from "../session/base64url.ts";
import { isSigned, parseCheckpoint } from "./checkpoint.ts";
import { leafHash, rootFrom, same } from "./merkle.ts";

export interface Step {
  /** `undefined`: this browser cannot verify it. */
  valid: boolean | undefined;
  text: string;
}

export async function verify(detail: ReceiptDetail, key: string | undefined): Promise<Step[]> {
  try {
    return await steps(detail, key);
  } catch {
    return [{ valid: false, text: "The proof cannot be read." }];
  }
}

async function steps(detail: ReceiptDetail, key: string | undefined): Promise<Step[]> {
  const leaf = await leafHash(new TextEncoder().encode(canonical(detail.receipt)));
  const checkpoint = parseCheckpoint(detail.proof.checkpoint);
  if (!checkpoint) return [{ valid: false, text: "The checkpoint cannot be read." }];
  const index = BigInt(detail.id.replace(/^r/, ""));
  const root = await rootFrom(leaf, index, checkpoint.size, detail.proof.path.map(decode));
  const signed = key === undefined ? undefined : await isSigned(checkpoint, key);
  const unsigned = "This browser cannot verify the checkpoint’s signature; use `briefcase receipts verify`";
  return [
    { valid: same(leaf, decode(detail.proof.leaf)), text: "The receipt above hashes to the leaf of the log" },
    {
      valid: root !== undefined && same(root, checkpoint.root),
      text: `The leaf is number ${index} of ${checkpoint.size} under the checkpoint’s root (${detail.proof.path.length} hashes)`,
    },
    { valid: signed, text: signed === undefined ? unsigned : "The checkpoint is signed with the log’s key" },
  ];
}
