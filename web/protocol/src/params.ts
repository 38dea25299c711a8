// The parameter checks. The type of `CHECKS` requires a check for every method.

import { boolean, bytes, type Check, integer, list, matching, oneOf, plainObject, shape, string } from "./check.ts";
import { LEASES, LIMITS } from "./limits.ts";
import type { Empty, Method, Params } from "./methods.ts";
import { AGREEMENTS, ALGORITHMS, FORMATS, type Kid, PURPOSES, type PublicJwk } from "./words.ts";

const kid: Check<Kid> = matching(/^[A-Za-z0-9_-]{43}$/, "a key id");
const session = matching(/^[A-Za-z0-9_-]{22}$/, "a session id");
const coordinate = matching(/^[A-Za-z0-9_-]{43}$/, "32 bytes in base64url");
const card = bytes(LIMITS.bundle, 1);
const message = bytes(LIMITS.sessionMessage, 1);
const associated = bytes(LIMITS.info);
const empty: Check<Empty> = shape({});
const named = shape({ kid });

const pointKey = shape({ kty: oneOf(["EC"]), crv: oneOf(["P-256"]), x: coordinate, y: coordinate });
const octetKey = shape({ kty: oneOf(["OKP"]), crv: oneOf(["Ed25519", "X25519"]), x: coordinate });
const publicKey: Check<PublicJwk> = (value, at) =>
  plainObject(value, at)["kty"] === "EC" ? pointKey(value, at) : octetKey(value, at);

const CHECKS: { readonly [M in Method]: Check<Params<M>> } = {
  version: empty,
  status: empty,
  list: empty,
  generate: shape({ alg: oneOf(ALGORITHMS), purpose: oneOf(PURPOSES) }, { recoverable: boolean }),
  publicKey: shape({ kid }, { format: oneOf(FORMATS) }),
  sign: shape({ kid, bytes: bytes(LIMITS.message) }),
  verify: shape({ publicKey, bytes: bytes(LIMITS.message), signature: bytes(LIMITS.signature) }),
  derive: shape({ kid, peer: publicKey, info: bytes(LIMITS.info) }),
  vapidHeaders: shape(
    { kid, aud: string(LIMITS.claim), sub: string(LIMITS.claim) },
    // The worker rejects longer lifetimes with a more specific code; this check rejects only nonsense.
    { ttl: integer(1, LEASES.max * 365), relay: boolean },
  ),
  approve: shape({
    kid,
    approval: matching(/^[A-Za-z0-9._-]{1,64}$/, "an approval's id"),
    text: string(LIMITS.text),
    digest: coordinate,
    expires: integer(1, Number.MAX_SAFE_INTEGER),
  }),
  rotate: named,
  revoke: named,
  audit: shape({}, { from: integer(0, Number.MAX_SAFE_INTEGER), count: integer(1, LIMITS.auditPage) }),
  "session.card": named,
  "session.safetyNumber": shape({ kid, peer: card }),
  "session.prekeys": shape({ kid, oneTime: integer(0, LIMITS.oneTime) }, { renew: boolean }),
  "session.initiate": shape(
    { kid, bundle: bytes(LIMITS.bundle, 1) },
    { peer: card, agreement: oneOf(AGREEMENTS), hideHeaders: boolean },
  ),
  "session.accept": shape({ kid, message }, { x3dh: boolean, associated }),
  "session.encrypt": shape({ session, plaintext: bytes(LIMITS.plaintext) }, { associated }),
  "session.decrypt": shape({ session, message }, { associated }),
  "session.list": empty,
  "session.end": shape({ session }),
  "backup.create": shape({ kids: list(kid, LIMITS.keys, 1) }),
  "backup.restore": shape({ backup: bytes(LIMITS.backup, 1) }),
  "strong.enter": empty,
  "strong.unlock": empty,
  "strong.lock": empty,
  "strong.leave": empty,
  reset: empty,
};

export const METHODS = Object.keys(CHECKS) as readonly Method[];

export function isMethod(value: unknown): value is Method {
  return typeof value === "string" && Object.hasOwn(CHECKS, value);
}

export function checkParams<M extends Method>(method: M, params: unknown): Params<M> {
  return CHECKS[method](params, "params");
}
