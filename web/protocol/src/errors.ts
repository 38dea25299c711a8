// Errors with a name that stays, and a next step. Codes are part of the contract: they may be added, never renamed.

const NEXT = {
  unknown_method: "Use a method of this protocol; compare `schema` with the version you were built for.",
  bad_params: "Send exactly the members that the method takes, with their types.",
  too_large: "Send less at once; the limits are in the protocol.",
  too_many: "Wait for an answer before you ask again.",
  unknown_key: "Ask `list` for the keys of this host.",
  wrong_purpose: "Use a key that was generated for this purpose.",
  wrong_algorithm: "Choose an algorithm that the purpose allows.",
  key_retired: "Use the key that `rotate` gave in its place.",
  key_revoked: "Generate a new key; a revoked one stays revoked.",
  key_lost: "The engine lost this key. Revoke it and generate a new one, or restore it from a backup.",
  key_limit: "This host has as many keys as it may have.",
  not_recoverable: "Only keys generated with `recoverable` can be put into a backup.",
  unsupported: "This browser lacks the algorithm. Use another algorithm or another browser.",
  bad_key: "Check the public key: its format, its curve, its length.",
  lease_refused: "Ask for an https origin as `aud`, a mailto or https `sub`, and at most 24 hours.",
  gesture_refused: "The person said no. Do not ask again by yourself.",
  gesture_unavailable: "Show the frame whole and uncovered, or open the enclave in a window, and ask again.",
  locked: "Unlock the enclave with its passkey (`strong.unlock`).",
  not_strong: "The enclave is not in strong mode.",
  already_strong: "The enclave is in strong mode already.",
  passkey_failed: "Use a passkey whose authenticator has the PRF extension, and ask again.",
  storage_unavailable: "Allow this site to keep data, or open the enclave with storage `memory`.",
  quota_exceeded: "Free space on the device or for this site. Nothing was changed.",
  store_lost: "The browser dropped the enclave's keys. Restore a backup or enrol anew after `reset`.",
  store_newer: "A newer release has written this store. Load the current release.",
  store_moved: "The store was upgraded, deleted or reset in another tab. Reload this page.",
  store_corrupt: "The record does not fit together. Export `audit`, then `reset` and enrol anew.",
  bad_backup: "Check the recovery code, and that this backup was made for this host.",
  unknown_session: "Start a session with `session.initiate` or `session.accept`.",
  session_limit: "End sessions that are not needed (`session.end`).",
  session_refused: "The message was forged, damaged, replayed, or is too far ahead. Ask the peer to send anew.",
  bundle_refused: "Get a fresh prekey bundle from the peer over a channel you trust.",
  ended: "The enclave's worker ended. Load the frame anew; what was committed is kept.",
  internal: "This is a defect of the enclave. Report it with what you called.",
} as const;

export type ErrorCode = keyof typeof NEXT;

export const ERROR_CODES = Object.keys(NEXT) as readonly ErrorCode[];

/** What an error looks like on the channel. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
}

/** A refusal or a failure, on either side of the channel. Its message never holds key material or a caller's bytes. */
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

  /** Anything thrown as an error with a code; what nobody foresaw is `internal` and says no more than its name. */
  static of(thrown: unknown): EnclaveError {
    if (thrown instanceof EnclaveError) return thrown;
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    return new EnclaveError("internal", `unexpected ${name}`);
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(NEXT, value);
}
