/**
 * Passkeys. The conversions between JSON and bytes are written by hand: some browsers lack the built-in ones, and a
 * second way would need its own tests. A failed or cancelled ceremony is a `Problem` with a next step.
 */
import { decode, encode } from "./base64url.ts";
import { Problem } from "./client.ts";

type Json = Record<string, unknown>;

/** Signs with a passkey. `options` is the response of `/v1/challenge`. */
export async function assertion(options: Json): Promise<unknown> {
  const publicKey = requestOptions(unwrap(options));
  return toJson(await ceremony(() => navigator.credentials.get({ publicKey })));
}

/** Creates a passkey. `options` is the response of `/v1/passkey/begin`. */
export async function creation(options: Json): Promise<unknown> {
  const publicKey = creationOptions(unwrap(options));
  return toJson(await ceremony(() => navigator.credentials.create({ publicKey })));
}

/** Some servers wrap the options in a `publicKey` member, as the browser's own call does. */
function unwrap(options: Json): Json {
  return (options["publicKey"] as Json | undefined) ?? options;
}

async function ceremony(run: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (typeof PublicKeyCredential === "undefined") {
    throw new Problem(
      "no_webauthn",
      "This browser does not support passkeys here.",
      "Use `briefcase approvals` at a terminal.",
    );
  }
  const credential = await run().catch(reason => {
    throw failure(reason);
  });
  if (!credential) throw failure(undefined);
  return credential as PublicKeyCredential;
}

function failure(reason: unknown): Problem {
  const name = reason instanceof DOMException ? reason.name : "";
  if (name === "InvalidStateError") {
    return new Problem("already_enrolled", "This passkey is already set up.", "Choose another authenticator.");
  }
  if (name === "NotAllowedError" || name === "AbortError" || reason === undefined) {
    return new Problem("not_proved", "The passkey was not used, so nothing changed.", "Try again.");
  }
  return new Problem("passkey_failed", `The passkey could not be used (${name || "unknown reason"}).`, "Try again.");
}

function requestOptions(json: Json): PublicKeyCredentialRequestOptions {
  return { ...json, challenge: bytes(json["challenge"]), allowCredentials: descriptors(json["allowCredentials"]) };
}

function creationOptions(json: Json): PublicKeyCredentialCreationOptions {
  const user = json["user"] as Json;
  return {
    ...json,
    challenge: bytes(json["challenge"]),
    user: { ...user, id: bytes(user["id"]) },
    excludeCredentials: descriptors(json["excludeCredentials"]),
  } as unknown as PublicKeyCredentialCreationOptions;
}

function bytes(value: unknown): Uint8Array<ArrayBuffer> {
  return decode(String(value));
}

function descriptors(value: unknown): PublicKeyCredentialDescriptor[] {
  const list = Array.isArray(value) ? (value as Json[]) : [];
  return list.map(item => ({ ...item, id: bytes(item["id"]), type: "public-key" }));
}

function toJson(credential: PublicKeyCredential): unknown {
  const { response } = credential;
  const parts: Json = { clientDataJSON: encode(response.clientDataJSON) };
  if (response instanceof AuthenticatorAssertionResponse) {
    parts["authenticatorData"] = encode(response.authenticatorData);
    parts["signature"] = encode(response.signature);
    if (response.userHandle) parts["userHandle"] = encode(response.userHandle);
  } else if (response instanceof AuthenticatorAttestationResponse) {
    parts["attestationObject"] = encode(response.attestationObject);
    parts["transports"] = response.getTransports();
  }
  const { id, type, rawId } = credential;
  return {
    id,
    type,
    rawId: encode(rawId),
    response: parts,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}
