// Bundles the tests (Node 20 does not read TypeScript) and runs them: `unit` without a browser, or
// `browsers chromium firefox webkit [--only TEXT]` in the named ones.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const [kind, ...rest] = process.argv.slice(2);
const at = rest.indexOf("--only");
const only = at < 0 ? "" : rest[at + 1];
const engines = at < 0 ? rest : rest.slice(0, at);
const folder = kind === "browsers" ? "browsers" : "unit";
const found = (await readdir(`${here}${folder}`)).filter(file => file.endsWith(".test.ts"));
const wanted = found.map(file => `${folder}/${file}`);
if (wanted.length === 0) throw new Error("no tests found");

await rm(`${here}out`, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: wanted,
  outdir: "out",
  outbase: here,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  define: { ENCLAVE_FOLDER: JSON.stringify(fileURLToPath(new URL("../", import.meta.url))) },
  logLevel: "warning",
});
const out = wanted.map(file => `${here}out/${file.replace(/\.ts$/, ".mjs")}`);
const args = ["--enable-source-maps", "--test", "--test-concurrency=1", "--test-reporter=spec", ...out];
if (only !== "") args.splice(2, 0, `--test-name-pattern=${only}`);
if (kind === "browsers") args.splice(2, 0, "--test-force-exit");
const env = { ...process.env, ENCLAVE_ENGINES: engines.join(" ") };
const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
process.exit(status ?? 1);
