// The other party of a session, in Rust, with its keys in its own memory. It runs `web/enclave-wasm/examples/peer.rs`
// with one command a line.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

const hex = (part: string | Uint8Array): string =>
  typeof part === "string" ? part : `0x${Buffer.from(part).toString("hex")}`;

/** A refusal of the peer, with its message. */
export class PeerRefused extends Error {}

export class Peer {
  readonly #lines: AsyncIterator<string>;

  private constructor(
    readonly process: ChildProcess,
    readonly reader: Interface,
  ) {
    this.#lines = reader[Symbol.asyncIterator]();
  }

  static start(): Peer {
    const program = process.env["ENCLAVE_PEER"] ?? "";
    if (program === "") throw new Error("run by `cargo xtask enclave test`");
    const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    if (child.stdout === null) throw new Error("the peer has no output");
    return new Peer(child, createInterface({ input: child.stdout }));
  }

  /** Runs one command: words as they are, bytes in hexadecimal. Returns the bytes of the response. */
  async ask(command: string, ...parts: readonly (string | Uint8Array)[]): Promise<readonly Buffer[]> {
    this.process.stdin?.write(`${[command, ...parts.map(hex)].join(" ")}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the peer ended");
    const [word, ...rest] = value.split(" ");
    if (word !== "ok") throw new PeerRefused(value);
    return rest.map(part => Buffer.from(part.slice(2), "hex"));
  }

  /** Runs a command with a one-part response. */
  async one(command: string, ...parts: readonly (string | Uint8Array)[]): Promise<Buffer> {
    const [answer] = await this.ask(command, ...parts);
    if (answer === undefined) throw new Error(`${command}: no answer`);
    return answer;
  }

  close(): void {
    this.process.kill();
  }
}
