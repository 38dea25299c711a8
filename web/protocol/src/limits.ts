// All limits of the channel. The worker enforces them; a bridge may check them earlier.

export const LIMITS = {
  /** Bytes that one signature may cover. */
  message: 1 << 20,
  /** Bytes of the `info` of a derivation, and of the associated data of a session message. */
  info: 1024,
  /** Bytes of any public key, in any format. */
  publicKey: 1024,
  /** Bytes of a signature. */
  signature: 64,
  /** Characters of `sub` and `aud` of a VAPID token. */
  claim: 256,
  /** Characters of an approval's text. */
  text: 4000,
  /** Bytes of a prekey bundle or card, a session message, and a session plaintext. */
  bundle: 1 << 14,
  sessionMessage: (1 << 16) + 4096,
  plaintext: 1 << 16,
  /** One-time prekeys in one request, and in total. */
  oneTime: 100,
  /** Keys and sessions of one host, tombstones included. */
  keys: 256,
  sessions: 1024,
  /** Entries in one `audit` response, and entries kept. */
  auditPage: 500,
  auditKept: 20_000,
  /** Bytes of a sealed backup. */
  backup: 1 << 18,
  /** Pending requests; a further request is refused, not queued. */
  pending: 64,
} as const;

/** The lifetime of a VAPID token in seconds: the defaults for relays and own use, and the maximum. */
export const LEASES = { relay: 2 * 3600, own: 12 * 3600, max: 24 * 3600 } as const;

/**
 * Milliseconds. `delay`: the time a confirmation's text is shown before its button works. `timeout`: the time the
 * enclave waits for the person. `dwell`: the time a pointer must rest on the button before the click.
 */
export const GESTURE = { delay: 800, timeout: 120_000, dwell: 400 } as const;
