// Builds the core and runs the tests against the real module.
import { folderOf, runTests } from "../../tests.mjs";
import { built } from "../build.mjs";

const CORE_FILE = built();
const VECTORS = folderOf(new URL("../../../vectors/here", import.meta.url));
await runTests(folderOf(import.meta.url), { define: () => ({ CORE_FILE, VECTORS }) });
