// One instance of the verifier's WebAssembly module: its memory, its exports and its WASI imports. The module gets no
// files, no arguments and no environment variables. Its only clock is the time that the caller passed in.

/** The layer that refused; the names are those of `Layer` in `crates/release`. */
export type VerifierLayer =
  | "policy"
  | "signature"
  | "log"
  | "witness"
  | "manifest"
  | "expiry"
  | "rollback"
  | "module"
  | "page"
  | "headers";

/** Creates the error for a refusal; `code` is one word that stays the same across versions. */
export type Refuse = (layer: VerifierLayer, code: string, message: string) => Error;

/** The files are not a release. */
export class NotARelease extends Error {
  override readonly name = "NotARelease";

  constructor(
    readonly layer: VerifierLayer,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The verifier itself failed, or was called incorrectly. Nothing was verified. */
export class VerifierBroken extends Error {
  override readonly name = "VerifierBroken";
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  field(length: number): number;
  call(operation: number): number;
  output(): number;
  output_len(): number;
}

const MAX_FIELD_BYTES = 8 << 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const defaultRefusal: Refuse = (layer, code, message) => new NotARelease(layer, code, message);

export class WasmInstance {
  readonly #exports: Exports;
  readonly #refuse: Refuse;
  #broken = false;

  private constructor(exports: Exports, refuse: Refuse) {
    this.#exports = exports;
    this.#refuse = refuse;
  }

  static async start(module: WebAssembly.Module, now: number, refuse: Refuse = defaultRefusal): Promise<WasmInstance> {
    const holder: { memory?: WebAssembly.Memory } = {};
    const imports = { wasi_snapshot_preview1: wasiImports(holder, now) };
    const exports = (await WebAssembly.instantiate(module, imports)).exports as unknown as Exports;
    holder.memory = exports.memory;
    return new WasmInstance(exports, refuse);
  }

  /** Runs one operation. Returns its response or throws the refusal. A trap ends this instance. */
  run(operation: number, fields: readonly (Uint8Array | string | number)[]): string {
    if (this.#broken) throw new VerifierBroken("the verifier failed earlier");
    this.#broken = true;
    const [status, output] = this.#enter(operation, fields.map(bytesOf));
    this.#broken = false;
    if (status === 0) return output;
    if (status !== 1) throw new VerifierBroken("the verifier does not know this operation");
    const { layer, code, message } = JSON.parse(output);
    throw this.#refuse(layer, code, message);
  }

  #enter(operation: number, fields: readonly Uint8Array[]): [number, string] {
    const { memory, field, call, output, output_len } = this.#exports;
    try {
      for (const bytes of fields) {
        const pointer = field(bytes.length) >>> 0;
        new Uint8Array(memory.buffer, pointer, bytes.length).set(bytes);
      }
      const status = call(operation);
      const length = output_len() >>> 0;
      return [status, decoder.decode(new Uint8Array(memory.buffer, output() >>> 0, length))];
    } catch (cause) {
      throw new VerifierBroken("the verifier failed", { cause });
    }
  }
}

function bytesOf(field: Uint8Array | string | number): Uint8Array {
  if (typeof field === "number" && (!Number.isSafeInteger(field) || field < 0)) {
    throw new VerifierBroken("a number must be a non-negative integer");
  }
  const bytes = typeof field === "object" ? field : encoder.encode(`${field}`);
  if (bytes.length > MAX_FIELD_BYTES) throw new VerifierBroken(`a file is larger than ${MAX_FIELD_BYTES} bytes`);
  return bytes;
}

/** The imports that the standard library of the target needs. */
function wasiImports(holder: { memory?: WebAssembly.Memory }, now: number): WebAssembly.ModuleImports {
  const memory = (): ArrayBuffer => {
    if (holder.memory === undefined) throw new VerifierBroken("the verifier ran before it was instantiated");
    return holder.memory.buffer;
  };
  return {
    clock_time_get: (_clock: number, _precision: bigint, into: number): number => {
      new DataView(memory()).setBigUint64(into >>> 0, BigInt(now) * 1_000_000n, true);
      return 0;
    },
    random_get: (into: number, length: number): number => {
      const bytes = new Uint8Array(memory(), into >>> 0, length >>> 0);
      for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      return 0;
    },
    environ_sizes_get: (count: number, size: number): number => {
      const view = new DataView(memory());
      view.setUint32(count >>> 0, 0, true);
      view.setUint32(size >>> 0, 0, true);
      return 0;
    },
    environ_get: (): number => 0,
    // Discards panic messages; the trap that follows is reported.
    fd_write: (): number => 8,
    proc_exit: (): never => {
      throw new VerifierBroken("the verifier failed");
    },
  };
}
