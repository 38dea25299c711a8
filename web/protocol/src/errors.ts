// Errors with a stable code and a next step. Codes are part of the contract: they may be added, never renamed.

const NEXT = {
  unknown_method: "Use a method of this protocol; compare `schema` with the version that the host was built for.",
  bad_params: "Send exactly the parameters of the method, with their types.",
  too_large: "Send less data at once; see the limits of the protocol.",
  too_many: "Wait for a response before the next request.",
  unknown_key: "Call `list` for the keys of this host.",
  wrong_purpose: "Use a key that was generated for this purpose.",
  wrong_algorithm: "Choose an algorithm that the purpose allows.",
  key_retired: "Use the key that `rotate` returned.",
  key_revoked: "Generate a new key; a revoked key stays revoked.",
  key_lost: "The engine lost this key. Revoke it and generate a new one, or restore it from a backup.",
  key_limit: "This host has reached its key limit.",
  not_recoverable: "Only keys generated with `recoverable` can be put into a backup.",
  unsupported: "This browser lacks the algorithm. Use another algorithm or another browser.",
  bad_key: "Check the format, curve and length of the public key.",
  lease_refused: "Use an https origin as `aud`, a mailto or https `sub`, and at most 24 hours.",
  gesture_refused: "The person declined. Do not repeat the request automatically.",
  gesture_unavailable: "Show the whole frame uncovered, or open the enclave in a popup, then retry.",
  locked: "Unlock the enclave with its passkey (`strong.unlock`).",
  not_strong: "The enclave is not in strong mode.",
  already_strong: "The enclave is already in strong mode.",
  passkey_failed: "Use a passkey whose authenticator supports the PRF extension, then retry.",
  storage_unavailable: "Allow this site to store data, or open the enclave with storage `memory`.",
  quota_exceeded: "Free space on the device or for this site. Nothing was changed.",
  store_lost: "The browser dropped the enclave's keys. Restore a backup, or call `reset` and enroll again.",
  store_newer: "A newer release wrote this store. Load the current release.",
  store_moved: "The store was upgraded, deleted or reset in another tab. Reload this page.",
  store_corrupt: "The stored data is inconsistent. Export `audit`, then call `reset` and enroll again.",
  bad_backup: "Check the recovery code, and that this backup was made for this host.",
  unknown_session: "Start a session with `session.initiate` or `session.accept`.",
  session_limit: "End sessions that are not needed (`session.end`).",
  session_refused: "The message was forged, damaged, replayed, or is too far ahead. Ask the peer to send it again.",
  bundle_refused: "Get a new prekey bundle from the peer over a trusted channel.",
  ended: "The enclave's worker ended. Reload the frame; committed data is kept.",
  internal: "This is a bug in the enclave. Report it with the method you called.",
} as const;

export type ErrorCode = keyof typeof NEXT;

export const ERROR_CODES = Object.keys(NEXT) as readonly ErrorCode[];

/** The form of an error on the channel. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
}

/**
 * A refusal or a failure, on either side of the channel. Its message never contains key material or the caller's bytes.
 */
export class EnclaveError extends Error {
  override readonly name = "EnclaveError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly next: string = NEXT[code],
  ) {
    super(message);
  }

  body(): ErrorBody {
    return { code: this.code, message: this.message, next: this.next };
  }

  /** Converts a thrown value to an error with a code. An unexpected one is `internal` and reveals only its name. */
  static of(thrown: unknown): EnclaveError {
    if (thrown instanceof EnclaveError) return thrown;
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    return new EnclaveError("internal", `unexpected ${name}`);
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(NEXT, value);
}
