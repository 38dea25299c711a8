// `unit` runs without a browser. `browsers chromium firefox [--only TEXT]` (npm script `browsers`) runs in the named
// ones and needs ENCLAVE_XTASK, the project's command.
import { asked, folderOf, runTests } from "../../tests.mjs";

const { kind, engines, only } = asked(process.argv.slice(2));
await runTests(folderOf(import.meta.url), {
  folder: kind,
  define: () => ({ DEMO_FOLDER: folderOf(new URL("../here", import.meta.url)), ENCLAVE_FOLDER: "" }),
  only,
  ...(kind === "browsers" && { engines }),
});
