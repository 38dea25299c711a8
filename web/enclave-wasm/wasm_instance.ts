// One instance of the core: memory, exports, and the loop that performs host calls.
//
// Operations are serialized. The core holds one waiting operation, and a second one would read a state that the first
// is about to replace. A trap poisons the instance: its memory may be half-written, so it runs nothing more.

import { type Field, Reader, write } from "./codec.ts";

/** The operations with keys outside of the core. The caller chooses the name of each key. */
export interface KeyOperations {
  /** X25519 with the named private key: 32 bytes; an all-zero result is rejected. */
  dh(keyRef: string, peer: Uint8Array): Promise<Uint8Array>;
  /** Ed25519 signature by the named key: 64 bytes. */
  sign(keyRef: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** ML-KEM-1024 decapsulation by the named key: 32 bytes. */
  decapsulate(keyRef: string, ciphertext: Uint8Array): Promise<Uint8Array>;
}

/** The failure codes of the core; the names are those of `web/enclave-wasm/src/failure.rs`. */
export type CoreErrorCode =
  | "malformed"
  | "refused"
  | "foreign"
  | "forged"
  | "replayed"
  | "unknown_prekey"
  | "too_far_ahead"
  | "state_corrupt"
  | "mode_refused"
  | "exhausted"
  | "poisoned";

const CODES: readonly CoreErrorCode[] = [
  "malformed",
  "refused",
  "foreign",
  "forged",
  "replayed",
  "unknown_prekey",
  "too_far_ahead",
  "state_corrupt",
  "mode_refused",
  "exhausted",
];

/** A failed operation. It changed nothing: keep the state that was passed in. */
export class CoreError extends Error {
  readonly code: CoreErrorCode;

  constructor(code: CoreErrorCode, message: string) {
    super(message);
    this.name = "CoreError";
    this.code = code;
  }
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number): number;
  call(op: number, length: number): number;
  answer(length: number): number;
  output(): number;
  output_len(): number;
  wipe(): void;
}

const HOST_CALL = 1;
const FIRST_ERROR = 16;

/** A loaded module, its memory, and the queue of operations. */
export class WasmInstance {
  readonly #exports: Exports;
  readonly #keyOperations: KeyOperations;
  #last: Promise<unknown> = Promise.resolve();
  #poisoned = false;

  private constructor(exports: Exports, keyOperations: KeyOperations) {
    this.#exports = exports;
    this.#keyOperations = keyOperations;
  }

  static async load(bytes: Uint8Array<ArrayBuffer>, keyOperations: KeyOperations): Promise<WasmInstance> {
    const holder: { memory?: WebAssembly.Memory } = {};
    const random = (pointer: number, length: number): void => {
      if (holder.memory === undefined)
        throw new CoreError("poisoned", "The core asked for randomness before it started.");
      const into = new Uint8Array(holder.memory.buffer, pointer >>> 0, length >>> 0);
      // getRandomValues fills at most 65,536 bytes at a time.
      for (let at = 0; at < into.length; at += 65_536) crypto.getRandomValues(into.subarray(at, at + 65_536));
    };
    const { instance } = await WebAssembly.instantiate(bytes, { env: { random } });
    const exports = instance.exports as unknown as Exports;
    holder.memory = exports.memory;
    return new WasmInstance(exports, keyOperations);
  }

  get poisoned(): boolean {
    return this.#poisoned;
  }

  /** Runs one operation after those already queued. */
  run(op: number, fields: readonly Field[]): Promise<Reader> {
    const result = this.#last.then(() => this.#once(op, write(fields)));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #once(op: number, message: Uint8Array): Promise<Reader> {
    try {
      let status = this.#enter(message, length => this.#exports.call(op, length));
      while (status === HOST_CALL) {
        const answer = await this.#hostCall(this.#output());
        status = this.#enter(answer, length => this.#exports.answer(length));
      }
      const output = this.#output();
      if (status !== 0) throw failure(status, output);
      return new Reader(output);
    } finally {
      message.fill(0);
      if (!this.#poisoned) this.#exports.wipe();
    }
  }

  /** Copies a message in and runs. A trap poisons this instance. */
  #enter(message: Uint8Array, run: (length: number) => number): number {
    if (this.#poisoned) throw new CoreError("poisoned", "The core failed and must be loaded again.");
    try {
      const pointer = this.#exports.reserve(message.length) >>> 0;
      new Uint8Array(this.#exports.memory.buffer, pointer, message.length).set(message);
      return run(message.length);
    } catch (cause) {
      this.#poisoned = true;
      const error = new CoreError("poisoned", "The core failed and must be loaded again.");
      error.cause = cause;
      throw error;
    }
  }

  #output(): Uint8Array {
    const length = this.#exports.output_len() >>> 0;
    return new Uint8Array(this.#exports.memory.buffer, this.#exports.output() >>> 0, length).slice();
  }

  /** Performs a host call and returns its response. An empty message means that the call failed. */
  async #hostCall(request: Uint8Array): Promise<Uint8Array> {
    const fields = new Reader(request);
    const [kind, key, input] = [fields.text(), fields.text(), fields.bytes()];
    try {
      if (kind === "dh") return write([await this.#keyOperations.dh(key, input)]);
      if (kind === "sign") return write([await this.#keyOperations.sign(key, input)]);
      if (kind === "decapsulate") return write([await this.#keyOperations.decapsulate(key, input)]);
    } catch {
      // The empty message reports the failure; its cause stays with the owner of the key.
    }
    return new Uint8Array(0);
  }
}

function failure(status: number, output: Uint8Array): CoreError {
  const code = CODES[status - FIRST_ERROR] ?? "refused";
  return new CoreError(code, new Reader(output).text());
}
