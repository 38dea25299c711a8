// Builds the core as WebAssembly, weighs it, and gives its path. What a browser gets is built by
// `cargo xtask enclave build`, with paths remapped; this is for the tests.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The most the core may weigh deflated, in bytes: its share of the enclave's 150 KB. */
const MOST = 110_000;

export function built() {
  const flags = ["--locked", "--lib", "--package", "briefcase-enclave-wasm", "--profile", "wasm"];
  const form = ["--target", "wasm32-unknown-unknown", "--message-format", "json-render-diagnostics"];
  const cargo = spawnSync("cargo", ["build", "--quiet", ...flags, ...form], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  if (cargo.status !== 0) throw new Error("cargo could not build the core");
  const messages = cargo.stdout
    .toString()
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line));
  const file = messages
    .flatMap(message => message.filenames ?? [])
    .find(name => name.endsWith("briefcase_enclave_wasm.wasm"));
  if (file === undefined) throw new Error("cargo built no briefcase_enclave_wasm.wasm");
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await readFile(built());
  const packed = gzipSync(bytes, { level: 9 }).byteLength;
  console.log(`core: ${bytes.byteLength} bytes, ${packed} deflated; it may be ${MOST}`);
  if (packed > MOST) process.exit(1);
}
