// The bridge: a host page loads this file to verify, embed and call an enclave and to show its state. No dependencies.
//
//   defineEnclaveStatus();
//   const enclave = Enclave.create({ url, policy, verifier });
//   document.querySelector("briefcase-enclave-status").enclave = enclave;
//   await enclave.open();
//   const { kid } = await enclave.calls.generate({ alg: "ES256", purpose: "signing" });

export type * from "../../protocol/src/index.ts";
export { EnclaveError, GESTURES, LEASES, LIMITS, SCHEMA } from "../../protocol/src/index.ts";
export type {
  Evidence,
  ModuleFacts,
  Release,
  ReleaseVerifier,
  Seen,
  TrustedManifest,
} from "../../release-verifier/types.ts";
export { type ChainCheck, checkAudit } from "./audit.ts";
export type { Call, Calls } from "./calls.ts";
export type { CallOptions } from "./channel.ts";
export { Enclave, type EnclaveOptions } from "./enclave.ts";
export type { LostReason } from "./handshake.ts";
export type { Memory } from "./host_memory.ts";
export { LAYERS, type Layer, Refused } from "./refused.ts";
export type { Facts, Trust } from "./release.ts";
export { mayAsk, type Snapshot, type State } from "./state.ts";
export { defineEnclaveStatus, EnclaveStatus } from "./status/element.ts";
