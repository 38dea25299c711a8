// Builds dist/: the files that the daemon embeds. The same sources give the same bytes, so `--check` can compare the
// committed files with the sources.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
/** The size limit of the script, in bytes. */
const MAX_SCRIPT_BYTES = 80_000;

const made = await build({
  absWorkingDir: fileURLToPath(here),
  entryPoints: [
    { in: "src/main.tsx", out: "app" },
    { in: "src/style/app.css", out: "app" },
  ],
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome120", "firefox120", "safari17"],
  minify: true,
  legalComments: "none",
  charset: "ascii",
  // The classic JSX transform: a tenth less script than the automatic one, with the same effect.
  jsx: "transform",
  jsxFactory: "h",
  jsxFragment: "Fragment",
  inject: ["src/jsx.ts"],
  tsconfigRaw: "{}",
  loader: { ".svg": "copy" },
  write: false,
  logLevel: "warning",
});

const files = new Map(made.outputFiles.map(file => [file.path.split("/").at(-1), file.contents]));
for (const name of ["index.html", "icon.svg"]) files.set(name, await readFile(new URL(`src/${name}`, here)));

const check = process.argv.includes("--check");
const stale = [];
for (const [name, bytes] of files) {
  const path = new URL(`dist/${name}`, here);
  const same = Buffer.from(bytes).equals(await readFile(path).catch(() => Buffer.alloc(0)));
  if (!same && check) stale.push(name);
  if (!same && !check) await writeFile(path, bytes);
}
const weight = files.get("app.js").byteLength;
if (stale.length > 0) fail(`dist/ is not what the sources make: ${stale.join(", ")}. Run \`npm run build\`.`);
if (weight > MAX_SCRIPT_BYTES) fail(`app.js is ${weight} bytes; it may be ${MAX_SCRIPT_BYTES}.`);
console.log(`console: app.js ${weight} bytes, app.css ${files.get("app.css").byteLength} bytes`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
