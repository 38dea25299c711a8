// The message encoding between TypeScript and the core. A message is a sequence of fields: a `u32` length (little
// endian), then that many bytes. The meaning of a field is defined in `bindings.ts`.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A field: bytes, text as UTF-8, a number as eight bytes, or a boolean as one byte. */
export type Field = Uint8Array | string | number | boolean;

function bytesOf(field: Field): Uint8Array {
  if (typeof field === "string") return encoder.encode(field);
  if (typeof field === "boolean") return Uint8Array.of(field ? 1 : 0);
  if (typeof field !== "number") return field;
  if (!Number.isSafeInteger(field) || field < 0)
    throw new RangeError("a number in a message must be a non-negative integer");
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(field), true);
  return bytes;
}

/** Encodes fields as one message. */
export function write(fields: readonly Field[]): Uint8Array {
  const parts = fields.map(bytesOf);
  const message = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(message.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    message.set(part, at + 4);
    at += 4 + part.length;
  }
  return message;
}

/** Reads fields in order. Returns copies, so no field refers to the core's memory. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  bytes(): Uint8Array {
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    const from = this.#at + 4;
    const to = from + view.getUint32(this.#at, true);
    if (to > this.#bytes.length) throw new RangeError("a message ends inside a field");
    this.#at = to;
    return this.#bytes.slice(from, to);
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  number(): number {
    const bytes = this.bytes();
    return Number(new DataView(bytes.buffer).getBigUint64(0, true));
  }

  flag(): boolean {
    return this.bytes()[0] === 1;
  }

  rest(): Uint8Array[] {
    const fields: Uint8Array[] = [];
    while (!this.done) fields.push(this.bytes());
    return fields;
  }
}
