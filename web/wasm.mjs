// Builds a crate as WebAssembly with the flags and folder of `cargo xtask enclave build`, so that cargo compiles it
// once for both.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Builds the package for the target and returns the path of the module. */
export function wasm(name, target) {
  // Paths reach the module through panic messages.
  const home = process.env.CARGO_HOME ?? `${homedir()}/.cargo`;
  const remap = [`${root}=/briefcase`, `${home}=/cargo`].map(pair => `--remap-path-prefix=${pair}`);
  const folder = `${process.env.CARGO_TARGET_DIR ?? "target"}/enclave/cargo`;
  const flags = ["--locked", "--lib", "--package", name, "--profile", "wasm", "--target", target];
  const form = ["--target-dir", folder, "--message-format", "json-render-diagnostics"];
  const cargo = spawnSync("cargo", ["build", "--quiet", ...flags, ...form], {
    cwd: root,
    env: {
      ...process.env,
      CARGO_ENCODED_RUSTFLAGS: remap.join("\u001f"),
      CARGO_INCREMENTAL: "0",
      SOURCE_DATE_EPOCH: "0",
    },
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  if (cargo.status !== 0) throw new Error(`cargo could not build ${name}`);
  const messages = cargo.stdout
    .toString()
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line));
  const files = messages.flatMap(message => message.filenames ?? []);
  const file = files.find(path => path.endsWith(`${name.replaceAll("-", "_")}.wasm`));
  if (file === undefined) throw new Error(`cargo built no module of ${name}`);
  return file;
}

/** Fails if the deflated module is larger than `most` bytes. */
export async function weigh(name, file, most) {
  const bytes = await readFile(file);
  const packed = gzipSync(bytes, { level: 9 }).byteLength;
  console.log(`${name}: ${bytes.byteLength} bytes, ${packed} deflated; it may be ${most}`);
  if (packed > most) process.exit(1);
}
