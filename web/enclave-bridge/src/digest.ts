// SHA-256 in the formats of the enclave's files: hexadecimal in names and manifests, base64 in policies.

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
}

export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** Formats a digest as `sha256-…`, for policies and `integrity`. */
export function integrity(hex: string): string {
  const bytes = hex.match(/../g)?.map(pair => Number.parseInt(pair, 16)) ?? [];
  return `sha256-${btoa(String.fromCharCode(...bytes))}`;
}
