// `unit` runs without a browser. `browsers chromium firefox [--only TEXT]` (npm script `browsers`) runs in the named
// ones and needs ENCLAVE_XTASK, the project's command.
import { asked, folderOf, runTests } from "../../tests.mjs";

const { kind, engines, only } = asked(process.argv.slice(2));
const here = folderOf(import.meta.url);
await runTests(here, {
  folder: kind,
  define: out => ({ TEST_FOLDER: here, TEST_OUT: out, ENCLAVE_FOLDER: "" }),
  only,
  ...(kind === "browsers" && { engines, pages: ["pages/host.ts"] }),
});
