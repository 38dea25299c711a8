// Builds dist/: the bridge and its types, and the bindings to the release verifier for hosts that do not pin. The same
// sources give the same bytes.
import { execFileSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
/** The size limit of the compressed file, in bytes. */
const MAX_BYTES = 16_000;

await rm(`${here}dist`, { recursive: true, force: true });
const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { "enclave-bridge": "src/index.ts", "release-verifier": "../release-verifier/bindings.ts" },
  outdir: "dist",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome120", "firefox120", "safari17"],
  minify: true,
  legalComments: "none",
  charset: "ascii",
  tsconfigRaw: "{}",
  write: false,
  logLevel: "warning",
});
await mkdir(`${here}dist`);
for (const { path, contents } of outputFiles) await writeFile(path, contents);
const file = outputFiles.find(({ path }) => path.endsWith("enclave-bridge.mjs"));
const types = [
  "--noEmit",
  "false",
  "--declaration",
  "--emitDeclarationOnly",
  "--rootDir",
  "..",
  "--outDir",
  "dist/types",
];
const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
const sources = [
  "--target",
  "es2022",
  "--module",
  "esnext",
  "--moduleResolution",
  "bundler",
  "--strict",
  "--skipLibCheck",
];
const libraries = [
  "--lib",
  "es2024,dom,dom.iterable",
  "--types",
  "",
  "--allowImportingTsExtensions",
  "--rewriteRelativeImportExtensions",
];
execFileSync(process.execPath, [tsc, "--ignoreConfig", "src/index.ts", ...sources, ...libraries, ...types], {
  cwd: here,
  stdio: "inherit",
});
const compressed = gzipSync(file.contents, { level: 9 }).byteLength;
console.log(`enclave-bridge: ${file.contents.byteLength} bytes, ${compressed} compressed`);
if (compressed > MAX_BYTES) throw new Error(`it may weigh ${MAX_BYTES} bytes compressed`);
