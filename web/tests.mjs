// Bundles a package's tests (Node 20 does not read TypeScript) and runs them. What each `test/run.mjs` has in common.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The folder of a module, with a slash at its end. */
export const folderOf = url => fileURLToPath(new URL(".", url));

/** `KIND [ENGINE…] [--only TEXT]`, as `test/run.mjs` of packages with tests in browsers is called. */
export function asked([kind = "unit", ...rest]) {
  const at = rest.indexOf("--only");
  return { kind, engines: at < 0 ? rest : rest.slice(0, at), only: at < 0 ? undefined : rest[at + 1] };
}

/**
 * Runs the tests in `folder` below `here`, then ends the process with their outcome.
 *
 * `define`: constants for the tests, given the folder they are bundled into. `pages`: what browsers load, bundled beside
 * them. `engines`: browsers that the tests read from ENCLAVE_ENGINES. `only`: a pattern of names. `plain`: they are programs, not tests.
 */
export async function runTests(here, { folder = ".", define = () => ({}), pages = [], engines, only, plain = false }) {
  const end = plain ? ".ts" : ".test.ts";
  const names = (await readdir(`${here}${folder}`)).filter(name => name.endsWith(end));
  if (names.length === 0) throw new Error(`no tests found in ${here}${folder}`);
  const entryPoints = names.map(name => `${folder}/${name}`);

  // A folder of its own: two runs at once do not take each other's files away.
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
