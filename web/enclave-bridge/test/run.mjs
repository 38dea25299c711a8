// Bundles the tests (Node 20 does not read TypeScript) and runs them: `unit` without a browser, or (npm script `browsers`)
// `browsers chromium firefox [--only TEXT]` in the named ones, which needs ENCLAVE_XTASK, the project's command.
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
const wanted = (await readdir(`${here}${folder}`))
  .filter(file => file.endsWith(".test.ts"))
  .map(file => `${folder}/${file}`);
if (wanted.length === 0) throw new Error("no tests found");

// A folder of its own: two runs at once do not take each other's files away.
const folderOut = `${here}out/${process.pid}`;
const common = { absWorkingDir: here, bundle: true, format: "esm", sourcemap: "inline", logLevel: "warning" };
await build({
  ...common,
  entryPoints: wanted,
  outdir: folderOut,
  outbase: here,
  outExtension: { ".js": ".mjs" },
  packages: "external",
  platform: "node",
  target: "node20",
  define: { TEST_FOLDER: JSON.stringify(here), TEST_OUT: JSON.stringify(folderOut), ENCLAVE_FOLDER: '""' },
});
if (kind === "browsers") {
  await build({
    ...common,
    entryPoints: ["pages/host.ts"],
    outdir: `${folderOut}/pages`,
    target: "es2022",
    tsconfigRaw: "{}",
  });
}
const out = wanted.map(file => `${folderOut}/${file.replace(/\.ts$/, ".mjs")}`);
const flags = only === "" ? [] : [`--test-name-pattern=${only}`];
if (kind === "browsers") flags.push("--test-force-exit");
const args = ["--enable-source-maps", "--test", "--test-concurrency=1", "--test-reporter=spec", ...flags, ...out];
const { status } = spawnSync(process.execPath, args, {
  stdio: "inherit",
  env: { ...process.env, ENCLAVE_ENGINES: engines.join(" ") },
});
await rm(folderOut, { recursive: true, force: true });
process.exit(status ?? 1);
