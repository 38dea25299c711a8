// Bundles the tests (Node 20 does not read TypeScript) and runs them, or the screenshots with `--screenshots`.
import { spawn } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const only = process.argv.find(argument => argument.startsWith("--only="))?.slice("--only=".length) ?? "";
const screenshots = process.argv.includes("--screenshots");
const files = await readdir(here, { recursive: true });
const wanted = files.filter(file =>
  screenshots ? file === "screenshots.ts" : /\.test\.tsx?$/.test(file) && file.includes(only),
);

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
  define: { CONSOLE_FOLDER: JSON.stringify(new URL("../", import.meta.url).href) },
  sourcemap: "inline",
  logLevel: "warning",
});

const out = wanted.map(file => `${here}out/${file.replace(/\.tsx?$/, ".mjs")}`);
const run = screenshots ? out : ["--test", "--test-concurrency=1", "--test-force-exit", "--test-reporter=spec", ...out];
const child = spawn(process.execPath, ["--enable-source-maps", ...run], { stdio: ["ignore", "pipe", "inherit"] });
child.stdout.setEncoding("utf8");
let told = "";
child.stdout.on("data", part => {
  told += part;
  process.stdout.write(part);
});
const status = await new Promise(done => child.on("close", done));
// A skipped test fails the run.
const skipped = !screenshots && !/^ℹ skipped 0$/m.test(told);
if (skipped) console.error("Some tests were skipped.");
process.exit(skipped ? 1 : (status ?? 1));
