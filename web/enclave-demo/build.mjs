// Builds the folder of the host page: `--out DIR`, or dist/. `--verifier` adds the release verifier.
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { built } from "../release-verifier/build.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const at = process.argv.indexOf("--out");
const out = at < 0 ? `${here}dist` : process.argv[at + 1];

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await cp(`${here}page`, out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", wake: "src/push/wake.ts" },
  outdir: out,
  bundle: true,
  format: "iife",
  target: ["es2022", "chrome120", "firefox120", "safari17"],
  legalComments: "none",
  tsconfigRaw: "{}",
  logLevel: "warning",
});
if (process.argv.includes("--verifier")) await cp(built(), `${out}/verifier.wasm`);
