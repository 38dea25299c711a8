// Values that the build inserts. They cannot change at run time.

/** The origins that may embed this release. */
declare const ENCLAVE_HOSTS: readonly string[];

declare module "enclave:worker" {
  /** The worker's whole source: a part of the one file whose digest is pinned. */
  const source: string;
  export default source;
}

declare module "enclave:core" {
  /** The core's WebAssembly, deflated, base64. */
  const deflated: string;
  export default deflated;
}
