/**
 * Archives made to harm: each is refused with a clear message, or does no more than fill its
 * directory.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import { type ReadLimits, readTar, unpackTar } from "../../src/archive/mod.ts";
import {
  assertClear,
  directory,
  file,
  hardLink,
  header,
  inPieces,
  joined,
  long,
  member,
  octal,
  pax,
  Playground,
  raw,
  symlink,
  tar,
} from "./_hostile.ts";

/** A message that refuses it, or the content of the directory afterwards. */
type Outcome = RegExp | readonly string[];
type Case = readonly [
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  outcome: Outcome,
  limits?: Partial<ReadLimits>,
];

const good = tar(directory("d/"), file("d/a"), file("b", "x".repeat(1000)));
const goodGzip = gzip(good);
const absolute = Deno.makeTempDirSync({ prefix: "kbuild-hostile" });
const base256 = (...bytes: number[]) => String.fromCharCode(...bytes);

function gzip(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(bytes));
}

/** With some bytes replaced; a negative offset counts from the end. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  copy.set(values, at < 0 ? copy.length + at : at);
  return copy;
}

function cut(bytes: Uint8Array, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(0, end));
}

const names: readonly Case[] = [
  ["..", tar(file("../evil")), /"\.\.\/evil" cannot be its name: it has a "\.\." part$/],
  [".. in the middle", tar(file("d/../../evil")), /"d\/\.\.\/\.\.\/evil" cannot be its name/],
  [".. that stays inside", tar(file("d/../evil")), /has a "\.\." part$/],
  [".. as a directory", tar(directory("../"), file("../evil")), /"\.\.\/" cannot be its name/],
  [".. alone", tar(file("..")), /has a "\.\." part$/],
  [".. behind ./", tar(file("./../evil")), /has a "\.\." part$/],
  [".. in the prefix", tar(member({ name: "evil", prefix: ".." })), /"\.\.\/evil" cannot be/],
  [".. in a PAX path", tar(pax([["path", "../evil"]]), file("a")), /"\.\.\/evil" cannot be/],
  [".. in a GNU long name", tar(long("L", "../evil\0"), file("a")), /"\.\.\/evil" cannot be/],
  ["dots that are not ..", tar(file("..."), file("..a"), file("a../b")), [
    "...",
    "..a",
    "a../",
    "a../b",
  ]],
  ["an absolute name", tar(file(`${absolute}/evil`)), /it starts with a slash$/],
  ["two slashes in front", tar(file(`/${absolute}/evil`)), /it starts with a slash$/],
  ["an absolute PAX path", tar(pax([["path", `${absolute}/evil`]]), file("a")), /with a slash$/],
  ["a prefix of a slash", tar(member({ name: "evil", prefix: "/tmp" })), /with a slash$/],
  [
    "the root as a directory",
    tar(directory("/")),
    /"\/" cannot be its name: it starts with a slash$/,
  ],
  ["backslashes", tar(file("..\\..\\evil")), ["..\\..\\evil"]],
  ["an empty name", tar(file("")), /at byte 0 .* its name is empty$/],
  ["an empty PAX path", tar(pax([["path", ""]]), file("")), /at byte 1024 .* its name is empty$/],
  ["the name . for a file", tar(file(".")), /"\." is the name of a directory, but it is a file$/],
  ["the name . for a link", tar(symlink(".", "d")), /but it is a symbolic link$/],
  ["the name a/. for a file", tar(file("a/.")), /"a\/\." is the name of a directory/],
  [
    "a link whose name ends in a slash",
    tar(symlink("a/", "d")),
    /"a\/" is the name of a directory/,
  ],
  ["the name . for a pipe", tar(header({ name: "./", type: "6" })), /is the name of a directory/],
  ["names with . and slashes", tar(directory("./"), file(".//d/./a")), ["d/", "d/a"]],
  [
    "two spellings of a name",
    tar(file("d/a"), file("./d//a")),
    /"\.\/d\/\/a" cannot be made: some/,
  ],
  ["a NUL in a PAX path", tar(pax([["path", "a\0b"]]), file("a")), /its name holds a NUL$/],
  ["a NUL in a long name", tar(long("L", "a\0/../b\0"), file("a")), /its name holds a NUL$/],
  ["a NUL in a link", tar(pax([["linkpath", "a\0b"]]), symlink("a", "b")), /holds a NUL$/],
  ["a NUL in a header", tar(file("a\0/../../evil")), ["a"]],
  ["names that are not UTF-8", tar(file("\xff\xfe")), /^.*"\\udcff\\udcfe" .* not valid UTF-8$/],
  [
    "a link to no UTF-8",
    tar(symlink("a", "\xff")),
    /"a" is a link to "\\udcff", which is not valid/,
  ],
  ["a newline in a name", tar(file("a\nroot::0:0")), ["a\nroot::0:0"]],
  ["a newline in a refused name", tar(file("../a\nb")), /"\.\.\/a\\nb" cannot be its name/],
  ["escape codes", tar(file("../\x1b]0;owned\x07\x1b[2J")), /"\.\.\/\\u001b\]0;owned\\u0007/],
  ["codes of eight bits", tar(file("../\xc2\x9b2J\x7f")), /"\.\.\/\\u009b2J\\u007f"/],
  ["text from right to left", tar(file("../\xe2\x80\xaegpj.sh")), /"\.\.\/\\u202egpj\.sh"/],
  ["escape codes as a type", tar(header({ name: "a", type: "\x1b" })), /its type is "\\u001b"$/],
  ["escape codes as a size", tar(header({ name: "a", size: "\x1b[31m\0" })), /is "\\u001b\[31m"$/],
  [
    "escape codes in a key",
    tar(pax([["GNU.sparse.\x1b[2J", "1"]], "g")),
    /sets "GNU.sparse.\\u001b/,
  ],
  ["escape codes as a PAX size", tar(pax([["size", "\x1b[2J"]]), file("a")), /is "\\u001b\[2J"$/],
  ["escape codes in a link", tar(symlink("a", "../\x1b[2J")), /to "\.\.\/\\u001b\[2J", which/],
  ["a part of 256 bytes", tar(pax([["path", "a".repeat(256)]]), file("a")), /name too long$/],
  [
    "a name beyond 4096 bytes",
    tar(long("L", `${"a/".repeat(2100)}b`), file("a")),
    /more than 4 KiB$/,
  ],
  [
    "101 directories deep",
    tar(long("L", `${"a/".repeat(101)}\0`), directory("a/")),
    /is 101 directories deep/,
  ],
  ["many directories from one name", tar(file("a/b/c/d/e")), /more than 3 files and directories/, {
    maxMembers: 3,
  }],
  ["__proto__", tar(file("__proto__/constructor")), ["__proto__/", "__proto__/constructor"]],
];

const links: readonly Case[] = [
  ["an absolute link", tar(symlink("a", "/etc/passwd")), /"a" is a link to "\/etc\/passwd", which/],
  ["a link to ..", tar(symlink("a", "..")), /is a link to "\.\.", which may lead out/],
  [
    "a link too far up",
    tar(symlink("d/e/a", "../../../x")),
    /which may lead out of its directory$/,
  ],
  [".. late in a link", tar(symlink("d/a", "x/../../y")), /which may lead out of its directory$/],
  ["a link up to the root", tar(symlink("d/e/a", "../.././x")), [
    "d/",
    "d/e/",
    "d/e/a -> ../.././x",
  ]],
  ["a link to .. by PAX", tar(pax([["linkpath", "../.."]]), symlink("a", "b")), /may lead out/],
  ["a link to .. by GNU", tar(long("K", "/etc\0"), symlink("a", "b")), /"\/etc", which may lead/],
  ["a link to nothing", tar(symlink("a", "")), /is a symbolic link without a target$/],
  ["a file through a link out", tar(symlink("a", "../outside"), file("a/evil")), /may lead out/],
  [
    "a file through a link inside",
    tar(directory("d/"), symlink("a", "d"), file("a/evil")),
    /"a\/evil" cannot be made: "a" is a symbolic link in this archive$/,
  ],
  [
    "a directory over a link",
    tar(directory("d/"), symlink("a", "d"), directory("a/")),
    /is a symbolic link/,
  ],
  ["a file over a link", tar(symlink("a", "b"), file("a")), /"a" cannot be made: something before/],
  ["a link over a file", tar(file("a"), symlink("a", "b")), /"a" cannot be made: something before/],
  [
    "a link over a directory",
    tar(directory("a/"), symlink("a", "b")),
    /something before it has its name/,
  ],
  [
    "a directory that becomes a link",
    tar(file("d/e/x"), symlink("d/e", "."), file("d/e/y")),
    /"d\/e" cannot be made: something before/,
  ],
  [
    "links that add up to a way out",
    tar(directory("d/e/"), symlink("d/e/up", "../.."), symlink("out", "d/e/up/..")),
    /"out" is a link to "d\/e\/up\/\.\.", which may lead out/,
  ],
  [
    "links through links",
    tar(symlink("d/e/up", "../.."), symlink("d/l", "e/up"), symlink("l", "d/l")),
    ["d/", "d/e/", "d/e/up -> ../..", "d/l -> e/up", "l -> d/l"],
  ],
  ["a link to itself", tar(symlink("a", "a")), ["a -> a"]],
  ["two links to each other", tar(symlink("a", "b"), symlink("b", "a")), ["a -> b", "b -> a"]],
  ["a file through a loop", tar(symlink("a", "a"), file("a/b")), /"a" is a symbolic link in this/],
  ["a link to its own directory", tar(symlink("d/a", ".")), ["d/", "d/a -> ."]],
  [
    "a hard link outside",
    tar(hardLink("a", "../canary")),
    /to "\.\.\/canary", which cannot be a name/,
  ],
  [
    "a hard link to /etc",
    tar(hardLink("a", "/etc/passwd")),
    /"\/etc\/passwd", which cannot be a name/,
  ],
  ["a hard link to nothing", tar(hardLink("a", "b"), file("b")), /which is not an earlier file/],
  [
    "a hard link to a link",
    tar(symlink("l", "b"), hardLink("a", "l")),
    /"l", which is not an earlier file/,
  ],
  [
    "a hard link to a directory",
    tar(directory("d/"), hardLink("a", "d")),
    /"d", which is not an earlier file/,
  ],
  [
    "a hard link to the root",
    tar(directory("./"), hardLink("a", "./")),
    /"\.\/", which is not an earlier file/,
  ],
  ["a hard link to itself", tar(hardLink("a", "a")), /"a", which is not an earlier file/],
  ["a hard link without target", tar(hardLink("a", "")), /"", which is not an earlier file/],
  [
    "a hard link through a link",
    tar(file("d/x"), symlink("l", "d"), hardLink("a", "l/x")),
    /to "l\/x", which is not an earlier file/,
  ],
  [
    "a hard link below a file",
    tar(file("x"), hardLink("a", "x/y")),
    /"x\/y", which is not an earlier file/,
  ],
  ["a hard link over a file", tar(file("a"), file("b"), hardLink("a", "b")), /something before it/],
  [
    "a hard link through a link by name",
    tar(file("x"), symlink("l", "."), hardLink("l/y", "x")),
    /"l" is a symbolic link/,
  ],
  [
    "a file over a hard link",
    tar(file("a"), hardLink("b", "a"), file("b", "changed")),
    /"b" cannot be made: something before it/,
  ],
  ["hard links to a file", tar(file("a"), hardLink("b", "a"), hardLink("c", "./b")), [
    "a",
    "b",
    "c",
  ]],
];

const kinds: readonly Case[] = [
  ["a character device", tar(header({ name: "a", type: "3" })), /"a" is a character device$/],
  ["a block device", tar(header({ name: "a", type: "4" })), /"a" is a block device$/],
  ["a pipe", tar(header({ name: "a", type: "6" })), /"a" is a fifo$/],
  ["an unknown type", tar(header({ name: "a", type: "Z" })), /its type is "Z"$/],
  ["a continued volume", tar(header({ name: "a", type: "M" })), /its type is "M"$/],
  ["a contiguous file", tar(member({ name: "a", type: "7" }, "x")), ["a"]],
  [
    "a contiguous file named as a directory",
    tar(member({ name: "a/", type: "7" })),
    /name of a directory/,
  ],
  ["setuid", tar(member({ name: "a", mode: "0006777\0" })), ["a"]],
  ["a file twice", tar(file("a"), file("a", "changed")), /"a" cannot be made: something before/],
  ["a directory twice", tar(directory("d/"), file("d/a"), directory("d")), ["d/", "d/a"]],
  [
    "a file as a directory",
    tar(file("a"), file("a/b")),
    /"a\/b" cannot be made: "a" is a file in this/,
  ],
  [
    "a file that becomes a directory",
    tar(file("a"), directory("a/")),
    /"a\/" cannot be made: "a" is a file/,
  ],
  [
    "a directory that becomes a file",
    tar(directory("a/"), file("a")),
    /"a" cannot be made: something/,
  ],
  ["a parent that becomes a file", tar(file("a/b"), file("a")), /"a" cannot be made: something/],
  [
    "a sparse file of GNU tar",
    tar(header({ name: "a", type: "S" })),
    /byte \d+ is refused: it is a sparse file$/,
  ],
  [
    "a sparse file by PAX",
    tar(pax([["GNU.sparse.major", "1"]]), file("a")),
    /byte \d+ is refused: it is a sparse file$/,
  ],
  [
    "a sparse name by PAX",
    tar(pax([["GNU.sparse.name", "../x"]]), file("a")),
    /byte \d+ is refused: it is a sparse file$/,
  ],
  ["a link with content", tar(member({ name: "a", type: "2", link: "b" }, "x")), /but has 1 bytes/],
  [
    "a pipe with content",
    tar(member({ name: "a", type: "6" }, "x")),
    /but has 1 bytes of content$/,
  ],
  [
    "a directory with a size that hides a member",
    tar(header({ name: "d/", type: "5", size: octal(1024) }), file("a")),
    ["a", "d/"],
  ],
];

const numbers: readonly Case[] = [
  [
    "a wrong checksum",
    patched(good, 0, 0x65),
    /is not a tar member: its checksum is \d+, its bytes add up to \d+$/,
  ],
  [
    "a checksum of zeros",
    tar(header({ name: "a", checksum: "\0\0\0\0\0\0\0\0" })),
    /checksum is 0/,
  ],
  ["an invalid checksum", tar(header({ name: "a", checksum: "abcdefg\0" })), /is "abcdefg"$/],
  [
    "a size beyond the end",
    tar(member({ name: "a", size: octal(4096) }, "x")),
    /ends in the middle/,
  ],
  ["the largest octal size", tar(member({ name: "a", size: octal(8 ** 11 - 1) })), /in the middle/],
  ["twelve octal digits", tar(header({ name: "a", size: "777777777777" })), /more than 64 GiB$/],
  [
    "a size that is not octal",
    tar(header({ name: "a", size: "0000000099\0" })),
    /is "0000000099"$/,
  ],
  ["a negative octal size", tar(header({ name: "a", size: "-0000000001\0" })), /is "-0000000001"$/],
  [
    "a base-256 size of -1",
    tar(header({ name: "a", size: "\xff".repeat(12) })),
    /its size is -1$/,
  ],
  [
    "a base-256 size of 2^62",
    tar(header({ name: "a", size: base256(0x80, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0) })),
    /its size is 4611686018427387904$/,
  ],
  [
    "a base-256 size of 2^94",
    tar(header({ name: "a", size: base256(0xbf, ...Array(11).fill(0xff)) })),
    /its size is \d{29}$/,
  ],
  [
    "a base-256 size of 64 GiB",
    tar(header({ name: "a", size: base256(0x80, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0) })),
    /it unpacks to more than 64 GiB$/,
  ],
  [
    "times out of all bounds",
    tar(member({ name: "a", mtime: base256(0x80, 0, 0, 0, 0, 0x1f, ...Array(6).fill(0xff)) }, "x")),
    ["a"],
  ],
  ["a time before all", tar(pax([["mtime", "-9007199254740991"]]), file("a")), ["a"]],
  ["an invalid time", tar(pax([["mtime", "1e99"]]), file("a")), /its mtime is "1e99"$/],
  [
    "a size of PAX",
    tar(pax([["size", "512"]]), file("a")),
    /its size is 8, but 512 in its extended/,
  ],
  ["no size of PAX", tar(pax([["size", "0"]]), file("a")), /its size is 8, but 0 in its extended/],
  ["a negative size of PAX", tar(pax([["size", "-1"]]), file("a")), /its size is -1$/],
  ["a huge size of PAX", tar(pax([["size", "9".repeat(16)]]), file("a")), /its size is "9{16}"$/],
  ["a PAX size beyond ustar", tar(pax([["size", "8589934592"]]), file("a")), /ends in the middle/],
  ["a size of PAX for all", tar(pax([["size", "512"]], "g"), file("a")), /sets "size" for all/],
  ["a path of PAX for all", tar(pax([["path", "../x"]], "g"), file("a")), /sets "path" for all/],
  ["a negative owner", tar(header({ name: "a", uid: "\xff".repeat(8) })), /its uid is -1$/],
];

const extensions: readonly Case[] = [
  [
    "a PAX length too large",
    tar(member({ name: "x", type: "x" }, "99 path=a\n"), file("a")),
    /broken$/,
  ],
  [
    "a PAX length too small",
    tar(member({ name: "x", type: "x" }, "9 path=../b\n"), file("a")),
    /broken$/,
  ],
  ["a PAX length of 0", tar(member({ name: "x", type: "x" }, "0 path=a\n"), file("a")), /broken$/],
  [
    "a PAX length of -1",
    tar(member({ name: "x", type: "x" }, "-1 path=a\n"), file("a")),
    /broken$/,
  ],
  [
    "a PAX length in hex",
    tar(member({ name: "x", type: "x" }, "0xa path=a\n"), file("a")),
    /broken$/,
  ],
  [
    "a PAX length of all digits",
    tar(member({ name: "x", type: "x" }, `${"9".repeat(400)} a=b\n`), file("a")),
    /broken$/,
  ],
  [
    "a PAX record without =",
    tar(member({ name: "x", type: "x" }, "8 path\n\n"), file("a")),
    /broken$/,
  ],
  [
    "a PAX record without end",
    tar(member({ name: "x", type: "x" }, "9 path=ab"), file("a")),
    /broken$/,
  ],
  [
    "a record that another's length skips",
    tar(member({ name: "x", type: "x" }, "26 comment=13 path=../b\n\n\n"), file("a")),
    ["a"],
  ],
  ["NULs as records", tar(member({ name: "x", type: "x" }, "\0".repeat(20)), file("a")), /broken$/],
  ["a NUL in a key", tar(pax([["pa\0th", "../x"]]), file("a")), /a key .* holds a NUL$/],
  ["a PAX header in front of the end", tar(pax([["path", "a"]])), /precede the end$/],
  [
    "two PAX headers",
    tar(pax([["path", "a"]]), pax([["path", "../b"]]), file("c")),
    /of type "x" belong/,
  ],
  ["two long names", tar(long("L", "a\0"), long("L", "../b\0"), file("c")), /of type "L" belong/],
  [
    "a name by PAX and GNU",
    tar(long("L", "a\0"), pax([["path", "../b"]]), file("c")),
    /say its path$/,
  ],
  [
    "a long name that is longer",
    tar(long("L", "a\0", octal(2048)), file("c")),
    /is refused: extended headers precede the end$/,
  ],
  [
    "a long name that is shorter",
    tar(long("L", `a${"b".repeat(600)}\0`, octal(2)), file("c")),
    /not a tar member/,
  ],
  [
    "a long name of 8 GiB",
    tar(long("L", "a\0", octal(8 ** 11 - 1)), file("c")),
    /more than 1 MiB$/,
  ],
  [
    "a long name of 2^62",
    tar(long("L", "a\0", base256(0x80, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0)), file("c")),
    /its size is 4611686018427387904$/,
  ],
  ["a long name of nothing", tar(long("L", ""), file("c")), ["c"]],
  ["a long name of NULs", tar(long("L", "\0\0\0"), file("c")), ["c"]],
  [
    "a PAX header of 2 MiB",
    tar(pax([["comment", "x".repeat(2 << 20)]]), file("a")),
    /more than 1 MiB$/,
  ],
  [
    "headers without end",
    joined(...Array(2049).fill(pax([], "g")), tar(file("a"))),
    /more than 1 MiB$/,
  ],
];

const frames: readonly Case[] = [
  ["nothing", new Uint8Array(0), /it ends in the middle of the member at byte 0$/],
  ["half a header", cut(good, 300), /in the middle of the member at byte 0$/],
  ["half a content", cut(good, 1500 + 512), /in the middle of the member at byte \d+$/],
  ["no padding", cut(good, 512 + 512 + 8), /in the middle of the member at byte 512$/],
  ["no end", cut(good, good.length - 1024), /in the middle of the member at byte \d+$/],
  ["half a zero block at the end", cut(good, good.length - 700), /in the middle of the member/],
  [
    "a zero block in the middle",
    joined(file("a"), new Uint8Array(512), tar(file("b"))),
    /single zero block/,
  ],
  ["an archive behind the end", joined(good, good), /the archive ends here, but something follows/],
  [
    "text",
    new TextEncoder().encode("<html>".repeat(200)),
    /the member at byte 0 is not a tar member/,
  ],
  ["half a gzip", cut(goodGzip, goodGzip.length >> 1), /^Cannot decompress "x\.tar": /],
  ["a gzip without its sum", cut(goodGzip, goodGzip.length - 8), /^Cannot decompress/],
  ["half a sum", cut(goodGzip, goodGzip.length - 1), /^Cannot decompress/],
  ["two bytes of gzip", cut(goodGzip, 2), /^Cannot decompress/],
  ["a wrong CRC", patched(goodGzip, -8, goodGzip.at(-8)! ^ 1), /^Cannot decompress .* data check$/],
  [
    "a wrong length",
    patched(goodGzip, -4, goodGzip.at(-4)! ^ 1),
    /^Cannot decompress .* length check$/,
  ],
  [
    "gzip flags that do not exist",
    patched(goodGzip, 3, 0xe0),
    /^Cannot decompress .* header flags/,
  ],
  ["a gzip flag for what is not there", patched(goodGzip, 3, 0x04), /^Cannot decompress/],
  ["a gzip method that does not exist", patched(goodGzip, 2, 7), /^Cannot decompress/],
  ["a flipped bit in gzip", patched(goodGzip, 30, goodGzip[30]! ^ 4), /^Cannot /],
  ["gzip in gzip", gzip(goodGzip), /in the middle of the member at byte 0$/],
  ["several gzip members", joined(gzip(cut(good, 700)), gzip(good.subarray(700))), [
    "b",
    "d/",
    "d/a",
  ]],
  [
    "a second archive in a second gzip member",
    joined(goodGzip, gzip(tar(file("../evil")))),
    /the archive ends here, but something follows/,
  ],
  ["an empty gzip member behind", joined(goodGzip, gzip(new Uint8Array(0))), ["b", "d/", "d/a"]],
  ["half a gzip member behind", joined(goodGzip, cut(goodGzip, 20)), /^Cannot decompress/],
  ["a tar behind gzip", joined(goodGzip, good), /something that is not gzip follows its end$/],
  ["garbage behind gzip", joined(goodGzip, raw("garbage")), /not gzip follows its end$/],
  ["zeros behind gzip", joined(goodGzip, new Uint8Array(700)), ["b", "d/", "d/a"]],
  [
    "garbage behind zeros behind gzip",
    joined(goodGzip, new Uint8Array(700), raw("x")),
    /not gzip follows/,
  ],
  [
    "a bomb of zeros behind the end",
    joined(goodGzip, ...Array(260).fill(gzip(new Uint8Array(1 << 20)))),
    /unpack to more than 200 times as much$/,
  ],
  [
    "a bomb in a file",
    gzip(tar(member({ name: "a" }, new Uint8Array(2 << 20)))),
    /more than 1 MiB$/,
    {
      maxBytes: 1 << 20,
    },
  ],
  ["a bomb of members", gzip(tar(...Array(11).fill(directory("d/")))), /more than 10 members$/, {
    maxMembers: 10,
  }],
];

const cases = { names, links, kinds, numbers, extensions, frames };

for (const [group, rows] of Object.entries(cases)) {
  Deno.test(`unpackTar() refuses or contains ${rows.length} hostile ${group}`, async (t) => {
    const top = Deno.makeTempDirSync({ prefix: "kbuild-hostile" });
    try {
      const place = new Playground(top);
      for (const [name, bytes, outcome, limits] of rows) {
        for (const step of bytes.length < 1 << 17 ? [100, 1 << 20] : [1 << 20]) {
          await t.step(
            `${name}, in pieces of ${step}`,
            () => check(place, bytes, outcome, step, limits),
          );
        }
      }
      assertEquals([...Deno.readDirSync(absolute)], []);
    } finally {
      Deno.removeSync(top, { recursive: true });
    }
  });
}

async function check(
  place: Playground,
  bytes: Uint8Array<ArrayBuffer>,
  outcome: Outcome,
  step: number,
  limits: Partial<ReadLimits> = {},
): Promise<void> {
  const options = { label: "x.tar", limits };
  let problem: unknown;
  try {
    await unpackTar(inPieces(bytes, step), place.target, options);
  } catch (error) {
    problem = error;
  }
  if (outcome instanceof RegExp) {
    assertClear(problem, "x.tar");
    assertMatch(problem.message, outcome);
    place.untouched("after a refused archive");
    assertEquals(exists(place.target), false);
  } else {
    if (problem !== undefined) throw problem;
    place.untouched("after a contained archive");
    assertEquals(place.made(), outcome);
    place.clear();
  }
  // Who only lists it meets an error of the same kind, or none.
  try {
    for await (const _ of readTar(inPieces(bytes, step), options));
  } catch (error) {
    assertClear(error, "x.tar");
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

globalThis.addEventListener("unload", () => Deno.removeSync(absolute, { recursive: true }));
