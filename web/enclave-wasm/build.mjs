// Builds the core as WebAssembly, checks its size, and returns its path.
import { fileURLToPath } from "node:url";
import { wasm, weigh } from "../wasm.mjs";

/** The size limit of the deflated core, in bytes: its share of the enclave's 150 KB. */
const MAX_BYTES = 110_000;

export const built = () => wasm("briefcase-enclave-wasm", "wasm32-unknown-unknown");

if (process.argv[1] === fileURLToPath(import.meta.url)) await weigh("core", built(), MAX_BYTES);
