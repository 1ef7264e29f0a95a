/** Small valid archives, and damage that a seed decides. */
import { constants, gzipSync } from "node:zlib";
import { bytesEntry, directoryEntry, symlinkEntry } from "../../src/archive/mod.ts";
import {
  directory,
  file,
  hardLink,
  header,
  joined,
  long,
  member,
  pax,
  raw,
  sign,
  symlink,
  tar,
} from "./_hostile.ts";
import { noise, tarOf } from "./helpers.ts";

/** Random numbers that a seed decides (mulberry32). */
export class Dice {
  #state: number;

  /** @param seed Any number; its lower 32 bits count. */
  constructor(seed: number) {
    this.#state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * end);
  }

  /** One of several. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const mtime = 1600000000;
const deep = `${"long name ".repeat(12)}/${"ü".repeat(60)}`;

/** A file that nobody has; some archives try to make it. */
export const EVIL = "/tmp/kbuild-fuzz-evil";

/** What is damaged: archives as kbuild, GNU tar and POSIX' pax write them. */
export const ORIGINALS: readonly Uint8Array[] = [
  await tarOf([
    directoryEntry("d", { mtime }),
    bytesEntry("d/a", noise(1500), { mtime, mode: 0o755 }),
    bytesEntry(deep, noise(3), { mtime: -5, xattrs: { "user.x": new Uint8Array([0, 10]) } }),
    symlinkEntry("d/link", "a", { mtime }),
    { name: "hard", type: "hardlink", mode: 0o644, mtime, size: 0, linkName: "d/a" },
  ]),
  tar(
    directory("./"),
    long("L", `./d/${"x".repeat(120)}\0`),
    file("cut"),
    long("K", `${"y".repeat(120)}\0`),
    symlink("./l", "cut"),
    member({ name: "./old", magic: "\0", type: "\0" }, "old"),
  ),
  tar(
    pax([["comment", "for all"], ["uname", "nobody"]], "g"),
    pax([["path", "e/ü"], ["mtime", "1600000000.25"], ["size", ""]]),
    file("short"),
    directory("e/f/"),
    symlink("e/f/up", "../ü"),
    hardLink("e/f/same", "e/ü"),
  ),
];

const NAMES = [
  ...["a", "d", "d/a", "d/e", "d/e/f", "l", "l/x", "l/l", "./", ".", "", "/", "..", "../x", "d/.."],
  ...[
    "d/../../x",
    EVIL,
    "d//a",
    "d/./a",
    "a\0b",
    "\xff",
    "\x1b[2J",
    "a\nb",
    "D",
  ],
];
const PLAIN = ["a", "d", "d/a", "d/e", "d/e/f", "d/e/g", "l", "l/x", "d/l", "d/l/x", "./b"];
const TARGETS = [
  ...[
    "a",
    "d",
    "d/a",
    "..",
    "../..",
    "../a",
    "../../canary",
    "/etc",
    ".",
    "l",
    "d/../..",
    "d/l/..",
  ],
  ...["", "l/..", "./..", "\xff", "../canary", "d/l", "e/../../.."],
];
const NUMBERS = [
  ...[
    "",
    "\0",
    "0",
    "00000000000\0",
    "00000000001\0",
    "00000001000\0",
    "777777777777",
    "-1",
    "9",
    "z",
  ],
  ...["\x80\0\0\0\0\0\0\0\0\0\x02\0", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", " 10 "],
  ...["\x80\0\0\0\x40\0\0\0\0\0\0\0", "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x80"],
];
const TYPES = [..."01234567xgLKSMVDNX\0 \xffAZ"];
const KEYS = [
  "path",
  "linkpath",
  "size",
  "mtime",
  "uid",
  "uname",
  "GNU.sparse.major",
  "pa\0th",
  "",
];
const VALUES = [...NAMES, "-1", "0", "5", "99999999999999999", "1e9", "0x10", "8589934592", ".5"];
/** Where the fields of a header start, and what each is given. */
const FIELDS: readonly (readonly [number, readonly string[]])[] = [
  [0, NAMES],
  [100, NUMBERS],
  [108, NUMBERS],
  [124, NUMBERS],
  [136, NUMBERS],
  [156, TYPES],
  [157, TARGETS],
  [257, ["ustar\x0000", "ustar  \0", "\0\0\0\0\0\0\0\0", "ustar"]],
  [345, NAMES],
];

/** One archive with damage, raw or gzipped: the same for the same seed and number. */
export function mutate(seed: number, index: number): Uint8Array<ArrayBuffer> {
  const dice = new Dice(Math.imul(seed, 1_000_003) + index);
  const made = dice.below(3) === 0;
  let bytes = made ? tar(...linkPlay(dice)) : new Uint8Array(dice.pick(ORIGINALS));
  const inside = made ? 0 : dice.below(5);
  for (let i = 0; i < inside; i++) bytes = dice.pick(TAR_DAMAGE)(bytes, dice);
  const frame = dice.below(4);
  if (frame === 0) return bytes;
  bytes = pack(bytes, dice);
  for (let i = 0; i < frame - 1; i++) bytes = dice.pick(ANY_DAMAGE)(bytes, dice);
  return bytes;
}

type Damage = (bytes: Uint8Array<ArrayBuffer>, dice: Dice) => Uint8Array<ArrayBuffer>;

const flip: Damage = (bytes, dice) => {
  for (let count = 1 + dice.below(4); count > 0 && bytes.length > 0; count--) {
    bytes[dice.below(bytes.length)]! ^= 1 << dice.below(8);
  }
  return bytes;
};

const truncate: Damage = (bytes, dice) => bytes.slice(0, dice.below(bytes.length + 1));

const overwrite: Damage = (bytes, dice) => {
  const at = dice.below(bytes.length + 1);
  bytes.fill(dice.pick([0, 0xff, 0x20, 0x30, dice.below(256)]), at, at + dice.below(600));
  return bytes;
};

const splice: Damage = (bytes, dice) => {
  const start = dice.below(bytes.length + 1);
  const piece = bytes.slice(start, start + dice.below(200));
  const at = dice.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), piece, bytes.subarray(at + dice.below(2) * piece.length));
};

const append: Damage = (bytes, dice) =>
  joined(bytes, dice.pick([new Uint8Array(512), raw("garbage"), pack(ORIGINALS[1]!, dice), bytes]));

const swapBlocks: Damage = (bytes, dice) => {
  const [a, b] = [blockIn(bytes, dice), blockIn(bytes, dice)];
  const first = bytes.slice(a, a + 512);
  bytes.copyWithin(a, b, b + 512);
  bytes.set(first.subarray(0, bytes.length - b), b);
  return bytes;
};

const moveBlocks: Damage = (bytes, dice) => {
  const [start, to] = [blockIn(bytes, dice), blockIn(bytes, dice)];
  const blocks = bytes.slice(start, start + 512 * (1 + dice.below(3)));
  return joined(bytes.subarray(0, to), blocks, bytes.subarray(to + 512 * dice.below(3)));
};

const editField: Damage = (bytes, dice) => {
  const headers = headersIn(bytes);
  if (headers.length === 0) return bytes;
  const block = bytes.subarray(dice.pick(headers));
  const [offset, values] = dice.pick(FIELDS);
  block.set(raw(`${dice.pick(values)}${dice.pick(["", "\0"])}`).subarray(0, 150), offset);
  sign(block.subarray(0, 512));
  return bytes;
};

const editPax: Damage = (bytes, dice) => {
  const headers = headersIn(bytes).filter((at) =>
    "xgLK".includes(String.fromCharCode(bytes[at + 156]!))
  );
  if (headers.length === 0) return insertMember(bytes, dice);
  const at = dice.pick(headers);
  const text = `${dice.pick(KEYS)}=${dice.pick(VALUES)}\n`;
  const length = text.length + 3 + dice.pick([0, 0, 0, 1, -1, 300, -text.length]);
  bytes.set(raw(`${length} ${text}`).subarray(0, Math.max(0, bytes.length - at - 512)), at + 512);
  const size = dice.pick([text.length + 3, text.length + 3, length, 0, 513]);
  bytes.set(raw(Math.max(0, size).toString(8).padStart(11, "0")), at + 124);
  sign(bytes.subarray(at, at + 512));
  return bytes;
};

const insertMember: Damage = (bytes, dice) => {
  const headers = headersIn(bytes);
  const at = headers.length === 0 ? 0 : dice.pick(headers);
  const made = Array.from({ length: 1 + dice.below(3) }, () => randomMember(dice));
  return joined(bytes.subarray(0, at), ...made, bytes.subarray(at));
};

function randomMember(dice: Dice): Uint8Array {
  const name = dice.pick(NAMES);
  const link = dice.pick(TARGETS);
  switch (dice.below(9)) {
    case 0:
      return directory(`${name}/`);
    case 1:
    case 2:
    case 3:
      return symlink(name, link);
    case 4:
      return hardLink(name, dice.pick([link, name]));
    case 5:
      return joined(
        pax([[dice.pick(KEYS), dice.pick(VALUES)]], dice.pick(["x", "x", "g"])),
        file(dice.pick(NAMES)),
      );
    case 6:
      return joined(long(dice.pick(["L", "K"]), dice.pick([name, link])), symlink("z", link));
    case 7:
      return header({ name, type: dice.pick(TYPES), link });
    default:
      return file(name);
  }
}

/** Nothing is wrong with these members but where their links lead, and how they meet. */
function linkPlay(dice: Dice): Uint8Array[] {
  return Array.from({ length: 2 + dice.below(4) }, () => {
    const name = dice.pick(PLAIN);
    const target = dice.pick([...TARGETS.filter((text) => /^[ -~]+$/.test(text)), ...PLAIN]);
    return dice.pick([
      () => symlink(name, target),
      () => symlink(name, target),
      () => file(name),
      () => directory(name),
      () => hardLink(name, target),
    ])();
  });
}

const ANY_DAMAGE: readonly Damage[] = [flip, flip, truncate, overwrite, splice, append];
const TAR_DAMAGE: readonly Damage[] = [
  ...ANY_DAMAGE,
  ...[swapBlocks, moveBlocks, editField, editField, editField, editPax, editPax],
  ...[insertMember, insertMember, insertMember],
];

function pack(bytes: Uint8Array, dice: Dice): Uint8Array<ArrayBuffer> {
  const one = (part: Uint8Array) => {
    const strategy = dice.pick([constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED]);
    return new Uint8Array(gzipSync(part, { level: dice.pick([0, 1, 6]), strategy }));
  };
  const half = dice.pick([0, 0, dice.below(bytes.length + 1)]);
  return half === 0 ? one(bytes) : joined(one(bytes.subarray(0, half)), one(bytes.subarray(half)));
}

function blockIn(bytes: Uint8Array, dice: Dice): number {
  return 512 * dice.below(Math.ceil(bytes.length / 512));
}

/** Where blocks start whose checksum is right. */
function headersIn(bytes: Uint8Array): number[] {
  const found = [];
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.slice(at, at + 512);
    sign(block);
    const same = block.subarray(148, 154).every((byte, i) => byte === bytes[at + 148 + i]);
    if (same && block[0] !== 0) found.push(at);
  }
  return found;
}
