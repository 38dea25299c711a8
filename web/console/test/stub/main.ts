/** Runs the stub for manual use and prints a one-time address. */
import { Stub } from "./server.ts";
import { question } from "./world.ts";

const stub = new Stub();
await stub.start();
stub.world.questions.push(question(), question({ risk: "high", labels: ["untrusted_content"] }));
console.log(stub.login());
