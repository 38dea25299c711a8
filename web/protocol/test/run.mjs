// Bundles the tests (Node 20 does not read TypeScript) and runs them.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const wanted = (await readdir(here)).filter(file => file.endsWith(".test.ts"));
if (wanted.length === 0) throw new Error("no tests found");
await rm(`${here}out`, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: wanted,
  outdir: "out",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
const out = wanted.map(file => `${here}out/${file.replace(/\.ts$/, ".mjs")}`);
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...out], { stdio: "inherit" });
process.exit(status ?? 1);
