// What the build puts in. Nothing of it can be changed at run time.

/** Origins that may embed this release. */
declare const ENCLAVE_HOSTS: readonly string[];

declare module "enclave:worker" {
  /** The worker's whole source, a part of the one file whose digest is pinned. */
  const source: string;
  export default source;
}

declare module "enclave:core" {
  /** The core's WebAssembly, deflated, base64. */
  const deflated: string;
  export default deflated;
}
