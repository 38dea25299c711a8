// Every bound of the channel in one place. The worker enforces them; a bridge may check earlier to be kind.

export const LIMITS = {
  /** Bytes one signature may cover. */
  message: 1 << 20,
  /** Bytes of `info` in a derivation, and of what a session message is bound to. */
  info: 1024,
  /** Bytes of any public key, in any format. */
  publicKey: 1024,
  /** Bytes of a signature. */
  signature: 64,
  /** Characters of `sub` and `aud` of a VAPID token. */
  claim: 256,
  /** Characters of an approval's text. */
  text: 4000,
  /** Bytes of a prekey bundle or card, a session message, a plaintext in a session. */
  bundle: 1 << 14,
  sessionMessage: (1 << 16) + 4096,
  plaintext: 1 << 16,
  /** One-time prekeys in one request, and kept at once. */
  oneTime: 100,
  /** Keys and sessions of one host, tombstones included. */
  keys: 256,
  sessions: 1024,
  /** Entries in one answer of `audit`, and entries kept. */
  auditPage: 500,
  auditKept: 20_000,
  /** Bytes of a sealed backup. */
  backup: 1 << 18,
  /** Requests that wait at once; the next is refused, not queued. */
  pending: 64,
} as const;

/** Life of a VAPID token in seconds: what is given when nothing is asked, and the most that is ever given. */
export const LEASES = { relay: 2 * 3600, own: 12 * 3600, max: 24 * 3600 } as const;

/** How long the text of a gesture is up before its button works, how long the enclave waits for the person, and how long a pointer rests on the button before it clicks. */
export const GESTURE = { delay: 800, timeout: 120_000, dwell: 400 } as const;
