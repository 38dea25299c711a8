// The constants that host, frame and worker share.

/** The algorithms of keys. ES256 signatures are 64 bytes, r ‖ s (P-1363), in every engine. */
export const ALGORITHMS = ["ES256", "Ed25519", "X25519"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** The purpose of a key, set at generation and never changed. `audit` exists too, but no caller can name it. */
export const PURPOSES = ["signing", "vapid", "approval", "agreement", "identity"] as const;
export type Purpose = (typeof PURPOSES)[number];

/**
 * The algorithms that each purpose allows. An `identity` is an Ed25519 key and an X25519 key; its kid is that of the
 * Ed25519 key.
 */
export const ALLOWED: Readonly<Record<Purpose, readonly Algorithm[]>> = {
  signing: ["ES256", "Ed25519"],
  vapid: ["ES256"],
  approval: ["ES256"],
  agreement: ["X25519"],
  identity: ["Ed25519"],
};

export const FORMATS = ["raw", "jwk", "spki"] as const;
export type Format = (typeof FORMATS)[number];

/** `retired` keys were rotated, `revoked` keys withdrawn by a person. Both still verify; neither signs again. */
export const STATES = ["live", "retired", "revoked"] as const;
export type KeyState = (typeof STATES)[number];

/** The storage of keys. `memory` ends with the page; it is chosen when the channel opens and is never a fallback. */
export const STORAGES = ["disk", "memory"] as const;
export type Storage = (typeof STORAGES)[number];

/** The key agreement of a session. PQXDH is the default; X3DH has no protection against a later quantum computer. */
export const AGREEMENTS = ["pqxdh", "x3dh"] as const;
export type Agreement = (typeof AGREEMENTS)[number];

/** RFC 7638 thumbprint of a public key: SHA-256, base64url, 43 characters. */
export type Kid = string;

/** A public key as a JSON Web Key, with exactly the members of its thumbprint. */
export type PublicJwk =
  | { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string }
  | { readonly kty: "OKP"; readonly crv: "Ed25519" | "X25519"; readonly x: string };
