export { METHODS as METHODS_FOR_TESTS } from "../../../protocol/src/index.ts";
export { Enclave, type EnclaveOptions } from "../../src/enclave.ts";
