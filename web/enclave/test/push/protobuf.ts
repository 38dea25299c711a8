// The part of protocol buffers that the Firebase stand-in needs: lengths, numbers and bytes, by field number.

export type Value = number | bigint | string | Uint8Array;

export function varint(number: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt(number);
  while (left > 127n) {
    bytes.push(Number(left & 127n) | 128);
    left >>= 7n;
  }
  return Buffer.from([...bytes, Number(left)]);
}

/** Reads one number: its value and its end. Returns nothing until it is complete. */
export function readVarint(bytes: Uint8Array, from: number): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    value |= BigInt(byte & 127) << BigInt(7 * (at - from));
    if (byte < 128) return { value, end: at + 1 };
  }
  return undefined;
}

/** Encodes texts and bytes with their length, numbers as varints, `bigint`s as 64 fixed bits. */
export function encode(fields: readonly (readonly [number, Value])[]): Buffer {
  const parts = fields.map(([field, value]) => {
    if (typeof value === "number") return Buffer.concat([varint(field << 3), varint(value)]);
    if (typeof value === "bigint") {
      const fixed = Buffer.alloc(8);
      fixed.writeBigUInt64LE(value);
      return Buffer.concat([varint((field << 3) | 1), fixed]);
    }
    const bytes = Buffer.from(value as Uint8Array);
    return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
  });
  return Buffer.concat(parts);
}

/** Returns the contents of all fields with this number; skips other kinds of fields. */
export function texts(message: Uint8Array, field: number): readonly string[] {
  const found: string[] = [];
  const number = (from: number) => {
    const read = readVarint(message, from);
    if (read === undefined) throw new Error("not a message");
    return read;
  };
  for (let at = 0; at < message.length; ) {
    const tag = number(at);
    const kind = Number(tag.value & 7n);
    const size = kind === 2 ? number(tag.end) : { value: kind === 1 ? 8n : 4n, end: tag.end };
    at = kind === 0 ? number(tag.end).end : size.end + Number(size.value);
    if (kind === 2 && tag.value >> 3n === BigInt(field))
      found.push(Buffer.from(message.subarray(size.end, at)).toString());
  }
  return found;
}
