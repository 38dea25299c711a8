// Bundles the tests (Node 20 does not read TypeScript) and runs them: `unit` without a browser,
// `browsers chromium firefox webkit [--only TEXT]` in the named ones, or `bench chromium …`, which measures.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const [kind, ...rest] = process.argv.slice(2);
const at = rest.indexOf("--only");
const only = at < 0 ? "" : rest[at + 1];
const engines = at < 0 ? rest : rest.slice(0, at);
const folder = ["browsers", "bench"].includes(kind) ? kind : "unit";
const end = folder === "bench" ? ".ts" : ".test.ts";
const found = (await readdir(`${here}${folder}`)).filter(file => file.endsWith(end));
const wanted = found.map(file => `${folder}/${file}`);
if (wanted.length === 0) throw new Error("no tests found");

// A folder of its own: two runs at once do not meet.
const folderOut = `${here}out/${process.pid}`;
await build({
  absWorkingDir: here,
  entryPoints: wanted,
  outdir: folderOut,
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
const out = wanted.map(file => `${folderOut}/${file.replace(/\.ts$/, ".mjs")}`);
const args = ["--enable-source-maps", "--test", "--test-concurrency=1", "--test-reporter=spec", ...out];
if (only !== "") args.splice(2, 0, `--test-name-pattern=${only}`);
if (kind === "browsers") args.splice(2, 0, "--test-force-exit");
const env = { ...process.env, ENCLAVE_ENGINES: engines.join(" ") };
if (kind === "bench") args.splice(0, args.length, "--enable-source-maps", ...out);
const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
await rm(folderOut, { recursive: true, force: true });
process.exit(status ?? 1);
