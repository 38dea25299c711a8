// Builds the verifier and runs the tests against the real module.
import { folderOf, runTests } from "../../tests.mjs";
import { built } from "../build.mjs";
import { shipped } from "./shipped.mjs";

const VERIFIER_FILE = built();
const VECTORS = folderOf(new URL("../../../vectors/here", import.meta.url));
const SHIPPED = shipped("sigstore-trust-root", "sigstore-verify");
await runTests(folderOf(import.meta.url), { define: () => ({ VERIFIER_FILE, VECTORS, SHIPPED }) });
