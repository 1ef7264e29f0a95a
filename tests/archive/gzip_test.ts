import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { gunzipSync, inflateRawSync } from "node:zlib";
import { join } from "@std/path";
import { levelOf } from "../../src/archive/deflater.ts";
import { createDeflater, deflateFormat, gzip, GzipWriter } from "../../src/archive/mod.ts";
import { collect, has, inTempDir, needing, noise, run, words } from "./helpers.ts";

const MIB = 1 << 20;

for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 12345]) {
  Deno.test(`gzip() of ${size} bytes is one member that reads back`, async () => {
    const data = noise(size);
    const packed = await gzip(data);
    assertEquals(new Uint8Array(gunzipSync(packed)), data);
    assertEquals([...packed.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  });
}

Deno.test("gzip() gives the same bytes for every number of jobs", async () => {
  const data = noise(5 * MIB + 17);
  const one = await gzip(data, { jobs: 1 });
  for (const jobs of [2, 3, 8]) assertEquals(await gzip(data, { jobs }), one);
});

Deno.test("GzipWriter gives the same bytes for every size of write", async () => {
  const data = noise(2 * MIB + 5);
  const whole = await gzip(data);
  for (const step of [999, 65536, MIB + 1]) {
    const out = collect();
    using writer = new GzipWriter(out.sink);
    for (let at = 0; at < data.length; at += step) await writer.write(data.subarray(at, at + step));
    await writer.close();
    assertEquals(out.bytes(), whole);
  }
});

Deno.test("GzipWriter.flush() makes a content's blocks the same wherever it is", async () => {
  const content = noise(MIB + 4096, 7);
  const packedAfter = async (head: Uint8Array) => {
    const out = collect();
    using writer = new GzipWriter(out.sink);
    await writer.write(head);
    await writer.flush();
    await writer.write(content);
    await writer.flush();
    await writer.close();
    assertEquals(new Uint8Array(gunzipSync(out.bytes())).length, head.length + content.length);
    // Header, head, two blocks, trailer: the two blocks.
    return out.parts.slice(2, 4);
  };
  assertEquals(await packedAfter(noise(10)), await packedAfter(noise(70000, 3)));
});

Deno.test("Deflater ends a block on a byte, so that blocks can be joined", async () => {
  const deflater = createDeflater();
  const [a, b] = [noise(1000, 1), noise(1000, 2)];
  const parts = [await deflater.deflate(a.slice()), await deflater.deflate(b.slice())];
  // The last, empty block of RFC 1951, 3.2.6.
  const joined = new Uint8Array([...parts.flatMap(({ bytes }) => [...bytes]), 3, 0]);
  assertEquals(new Uint8Array(inflateRawSync(joined)), new Uint8Array([...a, ...b]));
});

Deno.test("GzipWriter keeps at most 2 * jobs + 2 blocks in memory", async () => {
  let under = 0;
  let most = 0;
  const deflater = {
    jobs: 3,
    close: () => {},
    deflate: async (block: Uint8Array<ArrayBuffer>) => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return { bytes: new Uint8Array(1), buffer: block.buffer };
    },
  };
  using writer = new GzipWriter(() => void under--, { deflater });
  under = 1; // the header goes out first
  for (let i = 0; i < 20; i++) await writer.write(new Uint8Array(MIB));
  assert(most <= 8, `${most} blocks`);
});

Deno.test("GzipWriter fails when its threads are closed under way", async () => {
  const deflater = createDeflater({ jobs: 2 });
  const writer = new GzipWriter(() => {}, { deflater });
  await writer.write(noise(MIB));
  deflater.close();
  await assertRejects(() => writer.close(), Error, "the compressor was closed");
});

Deno.test("gzip() at level 9 gives the bytes that it always gave", async () => {
  // Seen with Deno 2.9 on x64. Levels 1 to 8 depend on the processor: see DEFAULT_LEVEL.
  const packed = await gzip(words(3 * MIB + 77), { level: 9 });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", packed)).toHex();
  assertEquals(digest, "326f8f99d8f35e22bf0c23cd645195e0868bead20240dfc228542e767ce2f271");
});

Deno.test("gzip() at the fast level gives other bytes, which the same readers take", async () => {
  const data = words(3 * MIB + 77);
  const [usual, fast, low] = await Promise.all(
    ([undefined, "fast", 2] as const).map((level) =>
      gzip(data, level === undefined ? {} : { level })
    ),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  assertEquals(new Uint8Array(gunzipSync(fast)), data);
  assert(fast.length > usual.length && fast.length < usual.length * 1.5);
  // Blocks of one must not be taken for blocks of the other.
  assert(fast.length !== low.length);
  assertNotEquals(deflateFormat("fast"), deflateFormat(2));
});

Deno.test("createDeflater() refuses levels and jobs that cannot be", () => {
  assertThrows(() => createDeflater({ level: 10 }), RangeError, '0 to 9, or "fast"');
  assertThrows(() => createDeflater({ jobs: 0 }), RangeError, "1 or more");
});

Deno.test({
  ...needing("gzip", has("gzip", "--version"), "gzip() makes what gzip -t and gzip -d accept"),
  fn: () =>
    inTempDir(async (dir) => {
      const data = noise(2 * MIB + 3);
      const path = join(dir, "a.gz");
      await Deno.writeFile(path, await gzip(data, { jobs: 2 }));
      await run("gzip", "-t", path);
      await run("gzip", "-d", path);
      assertEquals(await Deno.readFile(join(dir, "a")), data);
    }),
});

Deno.test("levelOf() raises text, stores noise and leaves programs as they are", () => {
  const text = new TextEncoder().encode("the quick brown fox\n".repeat(50_000));
  const random = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 1 << 16) {
    crypto.getRandomValues(random.subarray(at, at + (1 << 16)));
  }
  const program = random.map((byte) => byte & 0xc7);
  assertEquals([text, random, program].map((block) => levelOf(block, 5)), [7, 0, 5]);
  assertEquals([text, random, program].map((block) => levelOf(block, 9)), [9, 9, 9]);
  assertEquals([text, random, program].map((block) => levelOf(block, "fast")), [3, 0, 2]);
  // Too little to tell noise from anything else.
  assertEquals(levelOf(random.subarray(0, 1000), 5), 5);
});
