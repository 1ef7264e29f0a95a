import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import { KbuildError } from "../../src/errors.ts";
import {
  bytesEntry,
  directoryEntry,
  encodeHeader,
  gunzip,
  gzip,
  RATIO_FREE_BYTES,
  readTar,
  symlinkEntry,
  type TarEntry,
} from "../../src/archive/mod.ts";
import { has, inTempDir, needing, noise, run, tarOf } from "./helpers.ts";

const mtime = 1600000000;
const long = `${"d".repeat(120)}/${"ü".repeat(60)}`;
const entries: TarEntry[] = [
  directoryEntry("dir", { mtime }),
  bytesEntry("dir/empty", new Uint8Array(0), { mtime }),
  bytesEntry("dir/file", noise(1500), { mtime, mode: 0o4755 }),
  bytesEntry(long, noise(3), { mtime: -5, xattrs: { "user.x": new Uint8Array([0, 255, 10]) } }),
  symlinkEntry("link", "t".repeat(150), { mtime }),
  {
    name: "hard",
    type: "hardlink",
    mode: 0o644,
    mtime,
    size: 0,
    linkName: "dir/file",
    uid: 3000000,
  },
];

async function* inPieces(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.slice(at, at + step);
}

async function readAll(source: AsyncIterable<Uint8Array> | string) {
  const found = [];
  for await (const { chunks: _, bytes, ...member } of readTar(source, { label: "x.tar" })) {
    found.push({ ...member, content: [...await bytes()] });
  }
  return found;
}

for (const step of [1, 511, 4096, 1 << 20]) {
  Deno.test(`readTar() reads what writeTar() wrote, in pieces of ${step}`, async () => {
    const found = await readAll(inPieces(await tarOf(entries), step));
    const view = found.map(({ name, type, mode, mtime, size, linkName, xattrs, uid, content }) => ({
      ...{ name, type, mode, mtime, size, linkName, xattrs, uid, content },
    }));
    assertEquals(
      view,
      entries.map(({ name, type, mode, mtime, size, linkName, xattrs, uid = 0, content }) => ({
        ...{ name, type, mode, mtime, size, linkName, xattrs, uid },
        content: content !== undefined && "bytes" in content ? [...content.bytes] : [],
      })),
    );
  });
}

Deno.test("readTar() unpacks gzip, also of several members, and passes over contents", async () => {
  const tar = await tarOf(entries);
  const packed = [await gzip(tar.subarray(0, 2000)), await gzip(tar.subarray(2000))];
  const both = new Uint8Array(await new Blob(packed).arrayBuffer());
  const names = [];
  for await (const member of readTar(ReadableStream.from(inPieces(both, 700)))) {
    names.push(member.name);
  }
  assertEquals(names, entries.map(({ name }) => name));
});

Deno.test("readTar() tells where a content starts", async () => {
  const tar = await tarOf(entries);
  for await (const { name, offset, size } of readTar(inPieces(tar, 512))) {
    if (name !== "dir/file") continue;
    assertEquals(tar.slice(offset, offset + size), noise(1500));
  }
});

Deno.test("readTar() bounds what it holds in memory", async () => {
  for await (const member of readTar(inPieces(await tarOf(entries.slice(2, 3)), 512))) {
    await assertRejects(() => member.bytes(1499), KbuildError, "1500 bytes");
  }
});

Deno.test("readTar() gives a content once", async () => {
  for await (const member of readTar(inPieces(await tarOf(entries.slice(2, 3)), 512))) {
    await member.bytes();
    await assertRejects(() => member.bytes(), TypeError, "twice");
  }
});

function patched(bytes: Uint8Array, offset: number, text: string): Uint8Array {
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode(text), offset);
  copy.fill(32, 148, 156);
  const sum = copy.subarray(0, 512).reduce((n, byte) => n + byte, 0);
  copy.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0`), 148);
  return copy;
}
function raw(type: string, size: number, body: string): Uint8Array {
  const header = encodeHeader(bytesEntry("ext", new Uint8Array(0), { mtime }));
  const sized = patched(header, 124, size.toString(8).padStart(11, "0"));
  const block = new Uint8Array(512 + Math.ceil(body.length / 512) * 512);
  block.set(patched(sized, 156, type));
  block.set(new TextEncoder().encode(body), 512);
  return block;
}
function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const one = await tarOf([bytesEntry("a", noise(1000), { mtime })]);
const flipped = one.slice();
flipped[3] = 0x41;
const gz = await gzip(one);
const spoiled = gz.slice();
spoiled[spoiled.length - 6]! ^= 1;
for (
  const [what, bytes, message] of [
    [
      "an empty file",
      new Uint8Array(0),
      'archive "x.tar": it ends in the middle of the member at byte 0',
    ],
    ["half a header", one.subarray(0, 300), "at byte 0"],
    ["half a content", one.subarray(0, 1000), "ends in the middle of the member at byte 0"],
    ["a missing end", one.subarray(0, 1536), "ends in the middle of the member at byte 1536"],
    ["a flipped byte", flipped, "its checksum is"],
    ["a text file", new TextEncoder().encode("hello\n".repeat(200)), "the member at byte 0"],
    ["an invalid octal", patched(one, 124, "9999"), 'its size is "9999'],
    ["a size beyond all", patched(one, 124, "\x7f\x7f"), "its size is"],
    ["an unknown type", patched(one, 156, "Z"), 'its type is "Z"'],
    ["a sparse file of GNU tar", patched(one, 156, "S"), "it is a sparse file"],
    ["a link with content", patched(one, 156, "2"), "it is a symlink, but has 1000 bytes"],
    ["a negative owner", patched(one, 108, "\xff".repeat(8)), "its uid is"],
    ["a lone zero block", joined(new Uint8Array(512), one), "single zero block"],
    ["a huge extended header", joined(raw("x", 2 ** 30, ""), one), "more than 1 MiB"],
    [
      "a chain of long names",
      joined(...Array(2049).fill(raw("g", 0, "")), one),
      "the extended headers at byte 1048576 have 1049088 bytes, more than 1 MiB",
    ],
    [
      "two long names",
      joined(raw("L", 2, "b\0"), raw("L", 2, "c\0"), one),
      'of type "L" belong to',
    ],
    [
      "two kinds of long name",
      joined(raw("L", 2, "b\0"), raw("x", 10, "10 path=c\n"), one),
      "two extended headers say its path",
    ],
    ["a name for all members", joined(raw("g", 10, "10 path=c\n"), one), "for all members"],
    ["a long name of nothing", joined(raw("L", 2, "b\0"), new Uint8Array(1024)), "precede the end"],
    ["a NUL in a key", joined(raw("x", 12, "12 path\0x=b\n"), one), "holds a NUL"],
    ["a name beyond 4096 bytes", joined(raw("L", 5000, "b".repeat(5000)), one), "more than 4 KiB"],
    ["a second archive behind the end", joined(one, one), "something follows at byte 10240"],
    ["garbage behind gzip", joined(gz, new Uint8Array([0, 7])), "is not gzip follows its end"],
    [
      "garbage right behind gzip",
      joined(gz, new Uint8Array([7, 7])),
      "is not gzip follows its end",
    ],
    ["a broken record", joined(raw("x", 9, "99 path=a"), one), "extended header is broken"],
    ["a record that ends early", joined(raw("x", 12, "10 path=abc\n"), one), "header is broken"],
    ["a NUL in a name", joined(raw("x", 12, "12 path=a\0b\n"), one), "holds a NUL"],
    ["a NUL in a long name", joined(raw("L", 4, "a\0b\0"), one), "holds a NUL"],
    ["a negative size", joined(raw("x", 11, "11 size=-1\n"), one), "its size is -1"],
    ["a word as size", joined(raw("x", 11, "11 size=xx\n"), one), 'its size is "xx"'],
    ["a wrong size", joined(raw("x", 14, "14 size=99999\n"), one), "but 99999 in its extended"],
    ["a size that is not there", patched(one, 124, "00000303240\0"), "in the middle"],
    ["a sparse file", joined(raw("x", 22, "22 GNU.sparse.major=1\n"), one), "sparse"],
    ["half a gzip", gz.subarray(0, gz.length - 20), 'Cannot decompress "x.tar"'],
    ["a gzip with a wrong checksum", spoiled, 'Cannot decompress "x.tar"'],
  ] as const
) {
  Deno.test(`readTar() refuses ${what}`, async () => {
    await assertRejects(() => readAll(inPieces(bytes, 200)), KbuildError, message);
  });
}

for (
  const [limits, message] of [
    [{ maxBytes: 1000 }, "it unpacks to more than 1000 bytes"],
    [{ maxMembers: 1 }, "it has more than 1 members"],
    [{ maxName: 1 }, 'the name "bb" has 2 bytes, more than 1 bytes'],
  ] as const
) {
  const [key] = Object.keys(limits);
  Deno.test(`readTar() stops at ${key}, and says how to raise it`, async () => {
    const two = await tarOf([
      bytesEntry("a", noise(100), { mtime }),
      bytesEntry("bb", noise(100), { mtime }),
    ]);
    const error = await assertRejects(
      () => Array.fromAsync(readTar(inPieces(two, 512), { limits })),
      KbuildError,
      message,
    );
    assertStringIncludes(error.notes.join("\n"), `limits.${key}`);
  });
}

Deno.test("gunzip() stops at maxRatio", async () => {
  const bomb = gzipSync(new Uint8Array(RATIO_FREE_BYTES + (8 << 20)));
  let made = 0;
  const error = await assertRejects(
    async () => {
      for await (const part of gunzip(inPieces(bomb, 1 << 16), "x.gz")) made += part.length;
    },
    KbuildError,
    "unpack to more than 200 times as much",
  );
  assertStringIncludes(error.notes.join("\n"), "limits.maxRatio");
  assert(made <= RATIO_FREE_BYTES + (1 << 20));
  made = 0;
  const limits = { maxRatio: 2000 };
  for await (const part of gunzip(inPieces(bomb, 1 << 16), "x.gz", { limits })) made += part.length;
  assertEquals(made, RATIO_FREE_BYTES + (8 << 20));
});

Deno.test("gunzip() notices an end at every place but between two members", async () => {
  const both = joined(gz, gz);
  for (let end = 1; end < both.length; end++) {
    const read = () => Array.fromAsync(gunzip(inPieces(both.subarray(0, end), 100), "x.gz"));
    if (end === gz.length) await read();
    else await assertRejects(read, KbuildError, "Cannot decompress", `cut at ${end}`);
  }
  await Array.fromAsync(gunzip(inPieces(joined(both, new Uint8Array(700)), 100), "x.gz"));
});

Deno.test("readTar() keeps names that are not UTF-8 apart, and a byte order mark", async () => {
  const names = [];
  for (const first of [[0xff], [0xfe], [0xc3, 0xbc], [0xef, 0xbb, 0xbf, 0x61]]) {
    const copy = one.slice();
    copy.set(first, 0);
    names.push((await readAll(inPieces(patched(copy, 148, ""), 512)))[0]?.name);
  }
  assertEquals(names, ["\udcff", "\udcfe", "ü", "\ufeffa"]);
});

Deno.test("readTar() reads base-256 numbers and times with a fraction", async () => {
  const large = one.slice();
  large.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0xe8], 124);
  const bytes = joined(raw("x", 17, "17 mtime=12.3456\n"), patched(large, 148, ""));
  const [member] = await readAll(inPieces(bytes, 512));
  assertEquals([member?.size, member?.mtime], [1000, 12]);
});

Deno.test("readTar() names a file that is missing", async () => {
  await assertRejects(() => readAll("/no/such.tar"), KbuildError, 'Cannot read "/no/such.tar"');
});

Deno.test("readTar() closes its source when it is left early", async () => {
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* inPieces(one, 100);
    } finally {
      closed = true;
    }
  }
  for await (const _ of readTar(source())) break;
  assert(closed);
});

for (const format of ["gnu", "pax", "ustar", "v7"]) {
  Deno.test({
    ...needing("tar", has("tar", "--version"), `readTar() reads GNU tar's ${format} format`),
    fn: () =>
      inTempDir(async (dir) => {
        const deep = format === "v7" ? "d" : "d".repeat(90) + "/" + "e".repeat(90);
        const path = join(dir, "in", deep);
        await Deno.mkdir(path, { recursive: true });
        await Deno.writeFile(join(path, "ü"), noise(5000));
        await Deno.symlink(
          "x".repeat(format === "gnu" || format === "pax" ? 200 : 90),
          join(dir, "in/l"),
        );
        const archive = join(dir, "x.tar.gz");
        await run("tar", "-czf", archive, "--sort=name", `--format=${format}`, "-C", dir, "in");
        const found = await readAll(archive);
        const top = deep.split("/").map((_, i, all) => `in/${all.slice(0, i + 1).join("/")}/`);
        assertEquals(found.map(({ name }) => name), ["in/", ...top, `in/${deep}/ü`, "in/l"]);
        assertEquals(found.at(-2)?.content, [...noise(5000)]);
        assertEquals(found.at(-1)?.type, "symlink");
      }),
  });
}
