// Builds the verifier as WebAssembly, weighs it, and gives its path.
import { fileURLToPath } from "node:url";
import { wasm, weigh } from "../wasm.mjs";

/** The most it may weigh deflated, in bytes. Most of it is X.509, the curves and the log: what the command line has too. */
const MAX_BYTES = 520_000;

export const built = () => wasm("briefcase-release-verifier", "wasm32-wasip1");

if (process.argv[1] === fileURLToPath(import.meta.url)) await weigh("verifier", built(), MAX_BYTES);
