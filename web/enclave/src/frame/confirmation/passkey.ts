// WebAuthn with the PRF extension. The challenge is random and the assertion is not verified. The result is the PRF
// output: only this credential on its authenticator returns it for the salt, after user verification.

import type { Ceremony } from "../../frame_messages.ts";

interface Outcome {
  readonly credential: ArrayBuffer;
  readonly prf: ArrayBuffer;
}

interface PrfOutputs {
  readonly prf?: { readonly enabled?: boolean; readonly results?: { readonly first?: BufferSource } };
}

const ALGORITHMS = [-7, -8, -257] as const;
const challenge = () => crypto.getRandomValues(new Uint8Array(32));

export async function ceremony(wanted: Ceremony): Promise<Outcome> {
  if (wanted.kind === "use") return use(wanted.credential, wanted.salt);
  const extensions = { prf: { eval: { first: wanted.salt } } };
  const created = await navigator.credentials.create({
    publicKey: {
      challenge: challenge(),
      rp: { id: location.hostname, name: "Briefcase key enclave" },
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name: wanted.host, displayName: wanted.host },
      pubKeyCredParams: ALGORITHMS.map(alg => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
      extensions,
    },
  });
  if (!(created instanceof PublicKeyCredential)) throw new Error("no passkey was created");
  const { prf } = created.getClientExtensionResults() as PrfOutputs;
  if (prf?.enabled !== true) throw new Error("this authenticator lacks the PRF extension");
  const first = prf.results?.first;
  // Some authenticators return the PRF output only after registration.
  return first === undefined ? use(created.rawId, wanted.salt) : { credential: created.rawId, prf: bytesOf(first) };
}

async function use(credential: ArrayBuffer, salt: ArrayBuffer): Promise<Outcome> {
  const extensions = { prf: { eval: { first: salt } } };
  const asserted = await navigator.credentials.get({
    publicKey: {
      challenge: challenge(),
      rpId: location.hostname,
      allowCredentials: [{ type: "public-key", id: credential }],
      userVerification: "required",
      extensions,
    },
  });
  if (!(asserted instanceof PublicKeyCredential)) throw new Error("no passkey was used");
  const first = (asserted.getClientExtensionResults() as PrfOutputs).prf?.results?.first;
  if (first === undefined) throw new Error("the passkey returned no PRF output");
  return { credential, prf: bytesOf(first) };
}

function bytesOf(source: BufferSource): ArrayBuffer {
  const view =
    source instanceof ArrayBuffer
      ? new Uint8Array(source)
      : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  return view.slice().buffer;
}
