import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readZip, type ReadZipOptions } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { zipOf } from "../toolchain/_zip.ts";

const utf8 = new TextEncoder();
const FILES = [
  ["empty", new Uint8Array()],
  ["a/b/ü ", utf8.encode("short")],
  ["large", new Uint8Array(300_000).fill(7)],
] as const;

/** Reads a zip of these bytes. */
async function read(bytes: Uint8Array, options: ReadZipOptions = {}): Promise<[string, string][]> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-zip-" });
  try {
    await Deno.writeFile(join(dir, "x.zip"), bytes);
    const found: [string, string][] = [];
    for await (const member of readZip(join(dir, "x.zip"), { label: "x.zip", ...options })) {
      const content = await member.bytes();
      assertEquals(content.length, member.size);
      found.push([member.name, new TextDecoder("latin1").decode(content)]);
    }
    return found;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("readZip() reads stored and deflated members, with a comment too", async () => {
  const expected = FILES.map(([name, bytes]) => [name, new TextDecoder("latin1").decode(bytes)]);
  for (const deflate of [false, true]) {
    const zip = zipOf(FILES, { deflate });
    assertEquals(await read(zip), expected);
    const comment = utf8.encode("PK\x05\x06 is only a word here");
    const commented = new Uint8Array([...zip, ...comment]);
    new DataView(commented.buffer).setUint16(zip.length - 2, comment.length, true);
    assertEquals(await read(commented), expected);
  }
  assertEquals(await read(zipOf([])), []);
});

Deno.test("readZip() refuses what is damaged, hostile or in another format", async () => {
  const zip = zipOf(FILES, { deflate: true });
  const list = zip.readUInt32LE(zip.length - 6);
  const changed = (at: number, ...values: number[]) => {
    const bytes = Uint8Array.from(zip);
    bytes.set(values, at);
    return bytes;
  };
  const central = zip.indexOf("large", list) - 46;
  const table: [string, Uint8Array, string, ReadZipOptions?][] = [
    ["nothing", new Uint8Array(), "its end is missing"],
    ["a page", utf8.encode("<html>".repeat(9)), "its end is missing"],
    ["half", zip.subarray(0, zip.length >> 1), "its end is missing"],
    ["a list elsewhere", changed(zip.length - 6, 1, 0, 0, 0), "its list of members is damaged"],
    ["a list beyond the end", changed(zip.length - 6, 0, 0, 0, 9), "it is cut off"],
    ["more members than listed", changed(zip.length - 12, 9), "its list of members is damaged"],
    ["zip64", changed(zip.length - 12, 0xff, 0xff), "it is in zip64 format"],
    ["zip64, a member", changed(central + 24, 0xff, 0xff, 0xff, 0xff), "it is in zip64 format"],
    ["encrypted", changed(central + 8, 1), '"large" is encrypted'],
    ["bzip2", changed(central + 10, 12), '"large" is compressed with method 12'],
    ["larger than listed", changed(central + 24, 1, 0, 0, 0), '"large" cannot be decompressed'],
    ["smaller than listed", changed(central + 26, 5), '"large" has 300000 bytes, not'],
    ["no deflate", changed(zip.indexOf("large") + 5, 7), '"large" cannot be decompressed'],
    ["a member elsewhere", changed(central + 42, 1), '"large" is not where the list has it'],
    ["many members", zip, "it has more than 2 members", { limits: { maxMembers: 2 } }],
    ["many bytes", zip, "it unpacks to more than 1000 bytes", { limits: { maxBytes: 1000 } }],
    ["a long name", zip, "a name has more than 5 bytes", { limits: { maxName: 5 } }],
  ];
  for (const [what, bytes, words, options] of table) {
    const error = await assertRejects(() => read(bytes, options), KbuildError, undefined, what);
    assertStringIncludes(error.message, 'Cannot read archive "x.zip": ', what);
    assertStringIncludes(error.message, words, what);
  }
  const missing = Array.fromAsync(readZip("/nowhere/x.zip"));
  await assertRejects(() => missing, KbuildError, 'Cannot read "/nowhere/x.zip": no such file');
});
