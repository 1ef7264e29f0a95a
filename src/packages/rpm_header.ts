import { concat } from "../archive/mod.ts";

/** A value of a header: how rpm stores it, and what. */
export type RpmValue =
  | { readonly type: "int16" | "int32"; readonly values: readonly number[] }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings" | "translated"; readonly values: readonly string[] }
  | { readonly type: "bytes"; readonly value: Uint8Array };

/** Values by tag. */
export type RpmTags = ReadonlyMap<number, RpmValue>;

/** Numbers of types: rpm's docs/manual/format_header.md. */
const TYPES = Object.freeze({
  int16: 3,
  int32: 4,
  string: 6,
  bytes: 7,
  strings: 8,
  translated: 9,
});

/** The tag that frames a header, as it is the first and its data the last. */
export const SIGNATURE_REGION = 62;

/** The same for the header proper. */
export const HEADER_REGION = 63;

const MAGIC = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0] as const;
const ENTRY_BYTES = 16;
const encoder = new TextEncoder();

/** Numbers of 32 bits. */
export function int32(...values: number[]): RpmValue {
  return { type: "int32", values };
}

/** One text. */
export function text(value: string): RpmValue {
  return { type: "string", value };
}

/**
 * Encodes a header of an rpm: magic, number of entries and size of data, the index sorted by tag, the data
 * (rpm's docs/manual/format_header.md and format_v4.md). Numbers are big-endian and aligned.
 *
 * @param region {@linkcode SIGNATURE_REGION} or {@linkcode HEADER_REGION}.
 */
export function encodeRpmHeader(tags: RpmTags, region: number): Uint8Array<ArrayBuffer> {
  const entries = [...tags].sort(([a], [b]) => a - b);
  const count = entries.length + 1;
  const index: number[][] = [];
  const data: Uint8Array[] = [];
  let size = 0;
  for (const [tag, value] of entries) {
    const { bytes, count, alignment } = encodeValue(value);
    const padding = (alignment - size % alignment) % alignment;
    data.push(new Uint8Array(padding), bytes);
    index.push([tag, TYPES[value.type], size + padding, count]);
    size += padding + bytes.length;
  }
  // The region's data is the entry of an index that would begin that many bytes before.
  data.push(words([region, TYPES.bytes, -(count * ENTRY_BYTES), ENTRY_BYTES]));
  const first = [region, TYPES.bytes, size, ENTRY_BYTES];
  size += ENTRY_BYTES;
  return concat([
    new Uint8Array(MAGIC),
    words([count, size]),
    words([first, ...index].flat()),
    ...data,
  ]);
}

/** Numbers of 32 bits, big-endian. */
function words(values: readonly number[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  // Both signed and unsigned numbers come; their bits are the same.
  for (const [index, value] of values.entries()) view.setInt32(index * 4, value);
  return new Uint8Array(view.buffer);
}

function encodeValue(
  value: RpmValue,
): { bytes: Uint8Array; count: number; alignment: number } {
  switch (value.type) {
    case "int16": {
      const view = new DataView(new ArrayBuffer(value.values.length * 2));
      for (const [index, each] of value.values.entries()) view.setUint16(index * 2, each);
      return { bytes: new Uint8Array(view.buffer), count: value.values.length, alignment: 2 };
    }
    case "int32":
      return { bytes: words(value.values), count: value.values.length, alignment: 4 };
    case "string":
      return { bytes: encoder.encode(`${value.value}\0`), count: 1, alignment: 1 };
    case "strings":
    case "translated": {
      const bytes = encoder.encode(value.values.map((each) => `${each}\0`).join(""));
      return { bytes, count: value.values.length, alignment: 1 };
    }
    case "bytes":
      return { bytes: value.value, count: value.value.length, alignment: 1 };
  }
}

/**
 * The block that an rpm begins with, which only `file` still looks at (rpm's docs/manual/format_lead.md).
 *
 * @param name Name, version and release: `kubelet-1.20.2-0`.
 */
export function encodeLead(name: string): Uint8Array<ArrayBuffer> {
  const lead = new Uint8Array(96);
  lead.set([0xed, 0xab, 0xee, 0xdb, 3, 0]); // Magic, version 3.0.
  lead.set([0, 0, 0, 1], 6); // A binary package, for an architecture that the header names.
  lead.set(encoder.encode(name).subarray(0, 65), 10);
  lead.set([0, 1, 0, 5], 76); // Linux; signatures in a header.
  return lead;
}
