// Builds the verifier as WebAssembly, weighs it, and gives its path.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The most it may weigh deflated, in bytes. Most of it is X.509, the curves and the log: what the command line has too. */
const MOST = 520_000;

const root = fileURLToPath(new URL("../../", import.meta.url));

export function built() {
  const flags = ["--locked", "--lib", "--package", "briefcase-release-verifier", "--profile", "wasm"];
  const form = ["--target", "wasm32-wasip1", "--message-format", "json-render-diagnostics"];
  // Paths reach the binary through panic messages.
  const home = process.env.CARGO_HOME ?? `${homedir()}/.cargo`;
  const remap = [`${root.replace(/\/$/, "")}=/briefcase`, `${home}=/cargo`].map(pair => `--remap-path-prefix=${pair}`);
  const cargo = spawnSync("cargo", ["build", "--quiet", ...flags, ...form], {
    cwd: root,
    env: { ...process.env, CARGO_ENCODED_RUSTFLAGS: remap.join("\u001f") },
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  if (cargo.status !== 0) throw new Error("cargo could not build the verifier");
  const messages = cargo.stdout
    .toString()
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line));
  const files = messages.flatMap(message => message.filenames ?? []);
  const file = files.find(name => name.endsWith("briefcase_release_verifier.wasm"));
  if (file === undefined) throw new Error("cargo built no briefcase_release_verifier.wasm");
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await readFile(built());
  const packed = gzipSync(bytes, { level: 9 }).byteLength;
  console.log(`verifier: ${bytes.byteLength} bytes, ${packed} deflated; it may be ${MOST}`);
  if (packed > MOST) process.exit(1);
}
