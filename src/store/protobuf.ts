import { concat } from "../files/mod.ts";

/** A field: its number, and its content, or a number of 0 or more. */
export type Field = readonly [number: number, content: Uint8Array | string | number];

/** A message of protocol buffers of these fields, in this order. Numbers are written as varints. */
export function encodeMessage(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return concat(fields.flatMap(([number, content]) => {
    if (typeof content === "number") return [varint(number << 3), varint(content)];
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return [varint(number << 3 | 2), varint(bytes.length), bytes];
  }));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push(rest % 0x80 | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * The content of the last field of that number, as protocol buffers want it.
 *
 * @returns undefined if there is none, or if `message` is not a message.
 */
export function bytesField(
  message: Uint8Array<ArrayBuffer>,
  number: number,
): Uint8Array<ArrayBuffer> | undefined {
  let at = 0;
  let found: Uint8Array<ArrayBuffer> | undefined;
  const read = (): number => {
    let [value, scale] = [0, 1];
    while (at < message.length && scale < 2 ** 64) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return NaN;
  };
  while (at < message.length) {
    const tag = read();
    if (!Number.isSafeInteger(tag)) return undefined;
    const type = tag % 8;
    if (type === 0 && Number.isNaN(read())) return undefined;
    const length = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? read() : type === 0 ? 0 : NaN;
    if (!(at + length <= message.length)) return undefined;
    if (type === 2 && Math.floor(tag / 8) === number) found = message.subarray(at, at + length);
    at += length;
  }
  return found;
}
