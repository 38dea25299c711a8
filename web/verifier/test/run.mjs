// Builds the verifier, bundles the tests (Node 20 does not read TypeScript) and runs them against the real module.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { built } from "../build.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const tests = (await readdir(here)).filter(name => name.endsWith(".test.ts"));
if (tests.length === 0) throw new Error("no tests were found");

await rm(`${here}out`, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: tests,
  outdir: "out",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  define: {
    VERIFIER_FILE: JSON.stringify(built()),
    VECTORS: JSON.stringify(fileURLToPath(new URL("../../../vectors/", import.meta.url))),
  },
  sourcemap: "inline",
  logLevel: "warning",
});
const files = tests.map(name => `${here}out/${name.replace(/\.ts$/, ".mjs")}`);
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", ...files], {
  stdio: "inherit",
});
process.exit(status ?? 1);
