// The protocol between host, frame and worker. This package uses no window, worker or key.

export {
  type Event,
  type Incoming,
  type Request,
  type Response,
  readIncoming,
  readRequest,
  type Unchecked,
} from "./envelope.ts";
export { EnclaveError, ERROR_CODES, type ErrorBody, type ErrorCode, isErrorCode } from "./errors.ts";
export { type Ended, type Open, type Ready, readEnded, readOpen, readReady, SCHEMA } from "./handshake.ts";
export { GESTURE, LEASES, LIMITS } from "./limits.ts";
export {
  type Approved,
  type AuditHead,
  type AuditPage,
  type Empty,
  GESTURES,
  type Generated,
  type KeyInfo,
  type Method,
  type Methods,
  type Params,
  type Prekeys,
  type Result,
  type SessionInfo,
  type Status,
} from "./methods.ts";
export { checkParams, isMethod, METHODS } from "./params.ts";
export {
  AGREEMENTS,
  type Agreement,
  ALGORITHMS,
  ALLOWED,
  type Algorithm,
  FORMATS,
  type Format,
  type KeyState,
  type Kid,
  PURPOSES,
  type PublicJwk,
  type Purpose,
  STORAGES,
  type Storage,
} from "./words.ts";
