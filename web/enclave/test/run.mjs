// `unit` runs without a browser; `browsers chromium firefox webkit [--only TEXT]` runs in the named ones; `bench
// chromium …` measures.
import { asked, folderOf, runTests } from "../../tests.mjs";

const { kind, engines, only } = asked(process.argv.slice(2));
const ENCLAVE_FOLDER = folderOf(new URL("../here", import.meta.url));
await runTests(folderOf(import.meta.url), {
  folder: kind,
  define: () => ({ ENCLAVE_FOLDER }),
  only,
  plain: kind === "bench",
  ...(kind !== "unit" && { engines }),
});
