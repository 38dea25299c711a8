// Bundles and runs a package's tests (Node 20 does not read TypeScript). Shared by each `test/run.mjs`.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Returns the folder of a module, with a trailing slash. */
export const folderOf = url => fileURLToPath(new URL(".", url));

/** Parses `KIND [ENGINE…] [--only TEXT]`, the arguments of `test/run.mjs` in packages with browser tests. */
export function asked([kind = "unit", ...rest]) {
  const at = rest.indexOf("--only");
  return { kind, engines: at < 0 ? rest : rest.slice(0, at), only: at < 0 ? undefined : rest[at + 1] };
}

/**
 * Runs the tests in `folder` below `here`, then exits with their status.
 *
 * `define`: constants for the tests, computed from the output folder. `pages`: scripts that browsers load, bundled
 * beside the tests. `engines`: browsers, passed in ENCLAVE_ENGINES. `only`: a pattern of test names. `plain`: programs
 * instead of tests.
 */
export async function runTests(here, { folder = ".", define = () => ({}), pages = [], engines, only, plain = false }) {
  const end = plain ? ".ts" : ".test.ts";
  const names = (await readdir(`${here}${folder}`)).filter(name => name.endsWith(end));
  if (names.length === 0) throw new Error(`no tests found in ${here}${folder}`);
  const entryPoints = names.map(name => `${folder}/${name}`);

  // Each run has its own output folder, so parallel runs do not delete each other's files.
  const out = `${here}out/${process.pid}`;
  const common = { absWorkingDir: here, bundle: true, format: "esm", sourcemap: "inline", logLevel: "warning" };
  await build({
    ...common,
    entryPoints,
    outdir: out,
    outbase: here,
    outExtension: { ".js": ".mjs" },
    packages: "external",
    platform: "node",
    target: "node20",
    define: Object.fromEntries(Object.entries(define(out)).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  if (pages.length > 0) {
    await build({ ...common, entryPoints: pages, outdir: `${out}/pages`, target: "es2022", tsconfigRaw: "{}" });
  }
  const bundled = entryPoints.map(path => `${out}/${path.replace(/\.ts$/, ".mjs")}`);
  const flags = plain ? [] : ["--test", "--test-concurrency=1", "--test-reporter=spec"];
  if (only !== undefined) flags.push(`--test-name-pattern=${only}`);
  if (engines !== undefined && !plain) flags.push("--test-force-exit");
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", ...flags, ...bundled], {
    stdio: "inherit",
    env: { ...process.env, ...(engines !== undefined && { ENCLAVE_ENGINES: engines.join(" ") }) },
  });
  await rm(out, { recursive: true, force: true });
  process.exit(status ?? 1);
}
