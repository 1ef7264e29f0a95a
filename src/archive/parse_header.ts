import { BLOCK_SIZE } from "./header.ts";
import { decodeName, quoteName } from "./names.ts";
import type { TarMemberType } from "./types.ts";

/** A header block as it is in the archive, before PAX and GNU extensions are applied. */
export interface RawHeader {
  readonly typeFlag: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly uname: string;
  readonly gname: string;
}

/** A block that is not a header, and why. */
export class HeaderError extends Error {}

const TYPES: Readonly<Record<string, TarMemberType>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

/** The type that a flag stands for; a file of the old format whose name ends in "/" is a directory. */
export function typeOf(typeFlag: string, name: string): TarMemberType | undefined {
  const type = TYPES[typeFlag];
  return type === "file" && typeFlag !== "7" && name.endsWith("/") ? "directory" : type;
}

/** Whether a block holds zeros only: the mark of the end. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Reads a ustar, GNU or old-format header block.
 *
 * @param block 512 bytes.
 * @throws {HeaderError} The checksum or a number is wrong.
 */
export function parseHeader(block: Uint8Array): RawHeader {
  const stored = octal(block, 148, 8, "checksum");
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_SIZE; i++) if (i < 148 || i >= 156) sum += block[i]!;
  if (sum !== stored) {
    throw new HeaderError(`its checksum is ${stored}, its bytes add up to ${sum}`);
  }

  const magic = text(block, 257, 6);
  const prefix = magic === "ustar" && block[262] === 0 ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  const isUstar = magic.startsWith("ustar");
  return {
    typeFlag: String.fromCharCode(block[156]!),
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    mode: number(block, 100, 8, "mode") & 0o7777,
    uid: natural(number(block, 108, 8, "uid"), "uid"),
    gid: natural(number(block, 116, 8, "gid"), "gid"),
    size: natural(number(block, 124, 12, "size"), "size"),
    mtime: number(block, 136, 12, "mtime"),
    uname: isUstar ? text(block, 265, 32) : "",
    gname: isUstar ? text(block, 297, 32) : "",
  };
}

/**
 * Reads the records of a PAX extended header. Of two records with one key the last counts, as POSIX
 * has it.
 *
 * @returns Key to raw value; an empty value takes a record of the global header back.
 * @throws {HeaderError} A record's length does not fit, or its key holds a NUL.
 */
export function parsePax(body: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  let start = 0;
  while (start < body.length) {
    const space = body.indexOf(0x20, start);
    const digits = space < 0 ? "" : text(body, start, space - start);
    const end = start + Number(digits);
    const equals = body.indexOf(0x3d, space);
    const fits = /^[1-9][0-9]{0,9}$/.test(digits) && end <= body.length && equals > space &&
      equals < end && body[end - 1] === 0x0a;
    if (!fits) {
      throw new HeaderError(`the record at byte ${start} of its extended header is broken`);
    }
    const key = body.subarray(space + 1, equals);
    if (key.includes(0)) throw new HeaderError("a key of its extended header holds a NUL");
    records.set(decodeName(key), body.slice(equals + 1, end - 1));
    start = end;
  }
  return records;
}

/**
 * A whole number in decimal, as PAX writes sizes and owners; with a fraction, as it writes times.
 *
 * @throws {HeaderError} Anything else, or a number beyond 2^53.
 */
export function parseDecimal(value: string, what: string): number {
  const number = Number(value);
  if (
    /^-?[0-9]{1,16}(\.[0-9]{0,99})?$/.test(value) && Math.abs(number) <= Number.MAX_SAFE_INTEGER
  ) {
    return number;
  }
  throw new HeaderError(`its ${what} is ${quoteName(value)}`);
}

/**
 * @returns `value`.
 * @throws {HeaderError} It is negative, no whole number, or beyond 2^53.
 */
export function natural(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new HeaderError(`its ${what} is ${value}`);
}

/** Text up to the first NUL: the rest of the field is ignored. */
function text(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return decodeName(end < 0 ? field : field.subarray(0, end));
}

/** A number in octal, or in GNU's base 256 (first bit set). */
function number(block: Uint8Array, offset: number, length: number, what: string): number {
  const first = block[offset]!;
  if ((first & 0x80) === 0) return octal(block, offset, length, what);
  const negative = (first & 0x40) !== 0;
  let value = negative ? BigInt(first) - 256n : BigInt(first & 0x7f);
  for (let i = offset + 1; i < offset + length; i++) value = value * 256n + BigInt(block[i]!);
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw new HeaderError(`its ${what} is ${value}`);
  return result;
}

function octal(block: Uint8Array, offset: number, length: number, what: string): number {
  // As most have it: digits to the end of the field or a NUL. By patterns a header takes twice as long.
  let value = 0;
  let at = offset;
  for (; at < offset + length && block[at]! >= 0x30 && block[at]! <= 0x37; at++) {
    value = value * 8 + block[at]! - 0x30;
  }
  if (at === offset + length || block[at] === 0) return value;
  const field = text(block, offset, length).replaceAll(/^ +| +$/g, "");
  if (!/^[0-7]*$/.test(field)) throw new HeaderError(`its ${what} is ${quoteName(field)}`);
  return field === "" ? 0 : parseInt(field, 8);
}
