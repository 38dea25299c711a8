// Verifies pages of the enclave's audit log from outside: the link of each entry, and the signed head if the page
// reaches it.

import type { AuditPage } from "../../protocol/src/index.ts";

export interface ChainCheck {
  /** True if every entry links to the previous one. */
  readonly linked: boolean;
  /** True if the last entry is the head. False for a page from the middle. */
  readonly complete: boolean;
  /**
   * `good`: the audit key signed this count and link. `unsigned`: strong mode is locked. `unsupported`: this browser
   * lacks Ed25519.
   */
  readonly head: "good" | "bad" | "unsigned" | "unsupported";
}

export async function checkAudit(page: AuditPage): Promise<ChainCheck> {
  let link = new Uint8Array(page.previous);
  let linked = true;
  for (const [index, bytes] of page.entries.entries()) {
    const entry = parsed(bytes);
    linked &&= entry["seq"] === page.from + index && entry["previous"] === base64url(link);
    link = await linkOf(link, new Uint8Array(bytes));
  }
  const count = page.from + page.entries.length;
  const complete = count === page.head.count && base64url(link) === base64url(new Uint8Array(page.head.link));
  return { linked, complete, head: await headOf(page) };
}

async function linkOf(previous: Uint8Array, entry: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(1 + previous.length + entry.length);
  whole.set(previous, 1);
  whole.set(entry, 1 + previous.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

async function headOf({ head }: AuditPage): Promise<ChainCheck["head"]> {
  if (head.signed === undefined) return "unsigned";
  const { document, signature } = head.signed;
  const { form, host, kid, count, link } = parsed(document);
  const same = count === head.count && link === base64url(new Uint8Array(head.link)) && host === location.origin;
  if (form !== "briefcase-audit-head-1" || !same || kid !== (await thumbprint(head.publicKey))) return "bad";
  try {
    const key = await crypto.subtle.importKey("raw", head.publicKey, "Ed25519", false, ["verify"]);
    return (await crypto.subtle.verify("Ed25519", key, signature, document)) ? "good" : "bad";
  } catch {
    return "unsupported";
  }
}

/** Returns the RFC 7638 thumbprint of an Ed25519 key. */
async function thumbprint(raw: ArrayBuffer): Promise<string> {
  const text = `{"crv":"Ed25519","kty":"OKP","x":"${base64url(new Uint8Array(raw))}"}`;
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function parsed(bytes: ArrayBuffer): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    return {};
  }
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}
