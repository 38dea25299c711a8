// The project's sender in its own process: `crates/push/examples/push.rs`, one line of JSON each way.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** Certificate and key of a stand-in, and the root that its senders trust. */
export interface Credentials {
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
}

/** A response of any shape; the tests check what they need. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
export type Reply = any;

export class Rust {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  constructor() {
    const program = process.env["ENCLAVE_PUSH"];
    if (program === undefined) throw new Error("run by `cargo xtask enclave test`");
    this.#process = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    this.#interface = createInterface({ input: this.#process.stdout });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  async ask(request: object): Promise<Reply> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the sender does not run");
    return JSON.parse(value);
  }

  servePopup(name: string): Promise<Credentials> {
    return this.ask({ do: "stand-in", name });
  }

  stop(): void {
    this.#interface.close();
    this.#process.stdin.end();
  }
}
