// Builds the verifier as WebAssembly, checks its size, and returns its path.
import { fileURLToPath } from "node:url";
import { wasm, weigh } from "../wasm.mjs";

/**
 * The size limit of the deflated module, in bytes. Most of it is X.509, the curves and the log, as in the command line.
 */
const MAX_BYTES = 520_000;

export const built = () => wasm("briefcase-release-verifier", "wasm32-wasip1");

if (process.argv[1] === fileURLToPath(import.meta.url)) await weigh("verifier", built(), MAX_BYTES);
