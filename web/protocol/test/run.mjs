// Runs the tests of the protocol.
import { folderOf, runTests } from "../../tests.mjs";

await runTests(folderOf(import.meta.url), {});
