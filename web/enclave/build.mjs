// Builds the one file. The worker is bundled first and becomes a string in the module, as does the core. The output
// depends only on the sources, the core and the hosts.
//
// node build.mjs --core FILE --out FILE --hosts "ORIGIN ORIGIN" (run by `cargo xtask enclave build`)
//
// node build.mjs --check (bundles with an empty core, to check the sources)
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const argument = name => process.argv[process.argv.indexOf(name) + 1];
const check = process.argv.includes("--check");
const core = check ? "" : (await readFile(argument("--core"))).toString("base64");
const hosts = check ? [] : argument("--hosts").split(" ");

/** Modules that exist only during the build, as strings. */
function texts(of) {
  return {
    name: "texts",
    setup(building) {
      building.onResolve({ filter: /^enclave:/ }, ({ path }) => ({ path, namespace: "text" }));
      building.onLoad({ filter: /.*/, namespace: "text" }, ({ path }) => {
        const contents = of[path];
        return contents === undefined ? undefined : { contents, loader: "text" };
      });
    },
  };
}

async function bundled(entry, of) {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    target: ["es2022", "chrome120", "firefox120", "safari17"],
    minify: true,
    legalComments: "none",
    charset: "ascii",
    tsconfigRaw: "{}",
    define: { ENCLAVE_HOSTS: JSON.stringify(hosts) },
    plugins: [texts(of)],
    write: false,
    logLevel: "warning",
  });
  const [file] = outputFiles;
  return file;
}

const worker = await bundled("src/worker/main.ts", { "enclave:core": core });
const module = await bundled("src/frame/main.ts", { "enclave:worker": worker.text });
if (check) console.log(`enclave: module ${module.contents.byteLength} bytes without its core`);
else await writeFile(argument("--out"), module.contents);
