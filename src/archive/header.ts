import { concat } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { compareNames, utf8 } from "./bytes.ts";
import type { TarEntry, TarEntryType } from "./types.ts";

/** Tar's unit: headers and content are padded to it. */
export const BLOCK_SIZE = 512;

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const OWNER_BYTES = 31;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;
const TYPE_FLAGS: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  directory: "5",
};

/**
 * How a header says what plain tar cannot: `ustar` with PAX extended headers, or `gnu` for readers that
 * know GNU tar's own form alone, as dpkg and busybox do. In `gnu` form, names and link targets have members of their own where they
 * are long; what else does not fit is an error.
 */
export type TarFormat = "ustar" | "gnu";

/**
 * Encodes the header of one entry: a ustar block where ustar can say it, else a PAX extended header
 * ("x") in front of it with only the fields that do not fit:
 *
 * | field | PAX record | when |
 * | --- | --- | --- |
 * | name | `path` | over 100 bytes and no "/" splits it into 155 + 100 |
 * | link target | `linkpath` | over 100 bytes |
 * | size | `size` | 8 GiB and more |
 * | mtime | `mtime` | negative, or beyond the year 2242 |
 * | owner | `uid`, `gid`, `uname`, `gname` | over 2097151, or over 31 bytes |
 * | xattrs | `SCHILY.xattr.<name>` | always |
 *
 * Names are written as UTF-8 in the ustar fields, as GNU tar does, also when they are not ASCII.
 *
 * @returns One block, or the PAX header, its records and one block.
 * @throws {KbuildError} A name that no archive should have: empty, absolute, with a NUL or a ".." part.
 * @throws {RangeError} A mode, mtime, size or owner that is not a whole number in its range.
 */
export function encodeHeader(
  entry: TarEntry,
  format: TarFormat = "ustar",
): Uint8Array<ArrayBuffer> {
  checkEntry(entry);
  const records: [string, Uint8Array][] = [];
  const { uid = 0, gid = 0, uname = "root", gname = "root", linkName = "" } = entry;
  const fit = <T>(ok: boolean, key: string, value: string, short: T, instead: T): T => {
    if (!ok) records.push([key, utf8(value)]);
    return ok ? short : instead;
  };

  const name = splitName(entry.name, format);
  if (name === undefined) records.push(["path", utf8(entry.name)]);
  const link = utf8(linkName);
  const linkField = fit(link.length <= NAME_BYTES, "linkpath", linkName, link, cut(linkName));
  const size = fit(entry.size <= MAX_OCTAL_11, "size", `${entry.size}`, entry.size, 0);
  const mtimeFits = entry.mtime >= 0 && entry.mtime <= MAX_OCTAL_11;
  const mtime = fit(mtimeFits, "mtime", `${entry.mtime}`, entry.mtime, 0);
  const uidField = fit(uid <= MAX_OCTAL_7, "uid", `${uid}`, uid, 0);
  const gidField = fit(gid <= MAX_OCTAL_7, "gid", `${gid}`, gid, 0);
  const unameField = fit(utf8(uname).length <= OWNER_BYTES, "uname", uname, uname, "");
  const gnameField = fit(utf8(gname).length <= OWNER_BYTES, "gname", gname, gname, "");
  for (const [key, value] of Object.entries(entry.xattrs ?? {})) {
    records.push([`SCHILY.xattr.${key}`, value]);
  }

  const block = encodeBlock({
    name: name?.name ?? cut(entry.name),
    prefix: name?.prefix ?? new Uint8Array(0),
    mode: entry.mode,
    uid: uidField,
    gid: gidField,
    size,
    mtime,
    typeFlag: TYPE_FLAGS[entry.type],
    link: linkField,
    uname: unameField,
    gname: gnameField,
  }, format);
  if (format === "gnu") {
    const others = records.filter(([key]) => GNU_FLAGS[key] === undefined);
    if (others.length > 0) {
      const fields = others.map(([key]) => key).join(", ");
      throw new KbuildError(
        `Cannot put "${entry.name}" into an archive without PAX headers: ${fields}`,
      );
    }
    return concat([
      ...records.map(([key, value]) => encodeLongName(GNU_FLAGS[key]!, value)),
      block,
    ]);
  }
  return records.length === 0 ? block : concat([encodePax(entry.name, records), block]);
}

/** Members of GNU tar with a name or a link target for the one after them. */
const GNU_FLAGS: Readonly<Record<string, string>> = { path: "L", linkpath: "K" };

/** A member that has a long name, with a NUL at its end. */
function encodeLongName(typeFlag: string, value: Uint8Array): Uint8Array {
  const size = value.length + 1;
  const header = encodeBlock({
    name: utf8("././@LongLink"),
    prefix: new Uint8Array(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    typeFlag,
    link: new Uint8Array(0),
    uname: "root",
    gname: "root",
  }, "gnu");
  return concat([header, value, new Uint8Array(1 + paddingOf(size))]);
}

/** How many bytes of padding follow `size` bytes of content. */
export function paddingOf(size: number): number {
  return (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
}

interface Block {
  name: Uint8Array;
  prefix: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  typeFlag: string;
  link: Uint8Array;
  uname: string;
  gname: string;
}

function encodeBlock(fields: Block, format: TarFormat = "ustar"): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  const octal = (value: number, digits: number) => utf8(value.toString(8).padStart(digits, "0"));
  block.set(fields.name, 0);
  block.set(octal(fields.mode, 7), 100);
  block.set(octal(fields.uid, 7), 108);
  block.set(octal(fields.gid, 7), 116);
  block.set(octal(fields.size, 11), 124);
  block.set(octal(fields.mtime, 11), 136);
  block.fill(0x20, 148, 156);
  block.set(utf8(fields.typeFlag), 156);
  block.set(fields.link, 157);
  block.set(utf8(format === "gnu" ? "ustar  \0" : "ustar\0" + "00"), 257);
  block.set(utf8(fields.uname), 265);
  block.set(utf8(fields.gname), 297);
  if (format === "ustar") {
    block.set(utf8("0000000"), 329);
    block.set(utf8("0000000"), 337);
  }
  block.set(fields.prefix, 345);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.set(octal(sum, 6), 148);
  block[154] = 0;
  return block;
}

/** The extended header: block, records ("length key=value\n", bytewise sorted by key), padding. */
function encodePax(name: string, records: readonly [string, Uint8Array][]): Uint8Array {
  const sorted = records.toSorted(([a], [b]) => compareNames(a, b));
  const body = concat(sorted.map(([key, value]) => encodeRecord(key, value)));
  const base = name.replace(/\/$/, "").split("/").at(-1) ?? "";
  const header = encodeBlock({
    name: cut(`PaxHeaders.0/${base}`),
    prefix: new Uint8Array(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime: 0,
    typeFlag: "x",
    link: new Uint8Array(0),
    uname: "root",
    gname: "root",
  });
  return concat([header, body, new Uint8Array(paddingOf(body.length))]);
}

/** "length key=value\n", where the length counts its own digits. */
function encodeRecord(key: string, value: Uint8Array): Uint8Array {
  const rest = concat([utf8(` ${key}=`), value, utf8("\n")]);
  let length = rest.length;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return concat([utf8(`${length}`), rest]);
}

/** The ustar fields for a name, or undefined when they cannot hold it. */
function splitName(
  text: string,
  format: TarFormat,
): { name: Uint8Array; prefix: Uint8Array } | undefined {
  const bytes = utf8(text);
  if (bytes.length <= NAME_BYTES) return { name: bytes, prefix: new Uint8Array(0) };
  if (format === "gnu") return undefined;
  // The last "/" that leaves a name; a directory's own "/" at the end is not a place to split.
  const slash = bytes.lastIndexOf(0x2f, Math.min(PREFIX_BYTES, bytes.length - 2));
  if (slash <= 0 || bytes.length - slash - 1 > NAME_BYTES) return undefined;
  return { name: bytes.subarray(slash + 1), prefix: bytes.subarray(0, slash) };
}

/** The first 100 bytes at most, never half a character: what a reader without PAX gets to see. */
function cut(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length <= NAME_BYTES) return bytes;
  let end = NAME_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

function checkEntry(entry: TarEntry): void {
  const { name, type, linkName } = entry;
  const refuse = (why: string): never => {
    throw new KbuildError(`Cannot put ${JSON.stringify(name)} into an archive: ${why}`);
  };
  if (name === "" || name === "/") refuse("the name is empty");
  if (name.startsWith("/")) refuse("the name starts with a slash");
  if (name.includes("\0") || linkName?.includes("\0")) refuse("a name holds a NUL byte");
  if (!name.isWellFormed() || linkName?.isWellFormed() === false) {
    refuse("a name is not valid text");
  }
  if (name.split("/").includes("..")) refuse('the name has a ".." part');
  if (name.endsWith("/") !== (type === "directory")) {
    refuse(`the name of a directory, and only that, ends in a slash; this is a ${type}`);
  }
  const isLink = type === "symlink" || type === "hardlink";
  if (isLink !== (linkName !== undefined && linkName !== "")) {
    refuse(isLink ? "the link has no target" : `a ${type} has no link target`);
  }
  for (const key of Object.keys(entry.xattrs ?? {})) {
    if (key === "" || /[=\0]/.test(key)) {
      refuse(`"${key}" is not the name of an extended attribute`);
    }
  }
  const whole = (what: string, value: number, min: number, max: number) => {
    if (Number.isSafeInteger(value) && value >= min && value <= max) return;
    throw new RangeError(`Cannot write ${what} ${value} of "${name}": want ${min} to ${max}`);
  };
  whole("mode", entry.mode, 0, 0o7777);
  whole("mtime", entry.mtime, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  whole("size", entry.size, 0, type === "file" ? Number.MAX_SAFE_INTEGER : 0);
  whole("uid", entry.uid ?? 0, 0, Number.MAX_SAFE_INTEGER);
  whole("gid", entry.gid ?? 0, 0, Number.MAX_SAFE_INTEGER);
}
