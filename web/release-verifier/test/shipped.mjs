// Folders of crates that Cargo unpacked. The Sigstore project's crates ship signed bundles and trusted roots for their own
// tests; tests read them from there.
import { execFileSync } from "node:child_process";

const root = new URL("../../../", import.meta.url);
// A test run may have its clock moved by a preloaded library, with which rustc's allocator hangs.
const { LD_PRELOAD: _, ...env } = process.env;
const run = (program, ...args) => execFileSync(program, args, { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 26 });

/** Returns the folder of each named crate of Cargo.lock. Reads only this machine, never the network. */
export function shipped(...names) {
  const host = /^host: (.+)$/m.exec(run("rustc", "-vV"))?.[1];
  if (host === undefined) throw new Error("rustc reports no host");
  const only = ["--locked", "--offline", "--filter-platform", host];
  const { packages } = JSON.parse(run("cargo", "metadata", "--format-version=1", ...only));
  const folder = name => {
    const found = packages.find(one => one.name === name);
    if (found === undefined) throw new Error(`Cargo.lock has no crate ${name} for ${host}`);
    return found.manifest_path.replace(/Cargo\.toml$/, "");
  };
  return Object.fromEntries(names.map(name => [name, folder(name)]));
}
