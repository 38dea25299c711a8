// `unit` without a browser, or (npm script `browsers`) `browsers chromium firefox [--only TEXT]` in the named ones, which
// needs ENCLAVE_XTASK, the project's command.
import { asked, folderOf, runTests } from "../../tests.mjs";

const { kind, engines, only } = asked(process.argv.slice(2));
const here = folderOf(import.meta.url);
await runTests(here, {
  folder: kind,
  define: out => ({ TEST_FOLDER: here, TEST_OUT: out, ENCLAVE_FOLDER: "" }),
  only,
  ...(kind === "browsers" && { engines, pages: ["pages/host.ts"] }),
});
