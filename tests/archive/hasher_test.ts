import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import {
  bytesEntry,
  createHasher,
  type Hasher,
  inlineHasher,
  packTarball,
} from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { inTempDir, needing, noise } from "./helpers.ts";

const expected = (bytes: Uint8Array, ...names: string[]) =>
  names.map((name) => createHash(name).update(bytes).digest("hex"));

async function digests(hasher: Hasher, bytes: Uint8Array, pieces: readonly number[]) {
  const stream = hasher.open(["sha256", "sha512"]);
  let at = 0;
  for (const size of pieces) {
    const piece = bytes.slice(at, at + size);
    await stream.update(piece);
    // It was copied: what its owner does with it now does not count.
    piece.fill(0);
    at += size;
  }
  return await stream.digests();
}

Deno.test("createHasher() gives the same digests in threads as without, for many streams at once", async () => {
  const pieces = [1, 0, 1 << 20, 70_000, 3 << 20, 12];
  const total = pieces.reduce((sum, size) => sum + size, 0);
  for (const jobs of [1, 2, 3]) {
    const hasher = createHasher(jobs);
    const all = Array.from({ length: 5 }, (_, at) => noise(total, at + 1));
    const got = await Promise.all(all.map((bytes) => digests(hasher, bytes, pieces)));
    assertEquals(got, all.map((bytes) => expected(bytes, "sha256", "sha512")), `${jobs} jobs`);
    const empty = await hasher.open(["sha256"]).digests();
    assertEquals(empty, expected(new Uint8Array(0), "sha256"));
    hasher.close();
  }
});

Deno.test("createHasher() fails what is under way when it is closed, and what comes after", async () => {
  const hasher = createHasher(2);
  const stream = hasher.open(["sha256"]);
  const all = (async () => {
    for (let at = 0; at < 200; at++) await stream.update(noise(1 << 20));
    return await stream.digests();
  })();
  hasher.close();
  await assertRejects(() => all, KbuildError, "Cannot hash: the hasher was closed");
  await assertRejects(() => stream.digests(), KbuildError, "closed");
  assertThrows(() => hasher.open(["sha256"]), KbuildError, "closed");
  assertEquals(createHasher(1), inlineHasher);
});

Deno.test("createHasher() writes what it hashes, and copies parts of files, short ones too", () =>
  inTempDir(async (dir) => {
    const [whole, out] = [noise(40 << 20), join(dir, "a b/out $(x)")];
    await Deno.mkdir(join(dir, "a b"));
    await Deno.writeFile(join(dir, "in"), whole);
    const hasher = createHasher(2);
    await Deno.writeFile(out, new Uint8Array(0));
    {
      using stream = hasher.open(["sha256"], { path: out, label: "out" });
      await stream.update(whole.subarray(0, 7));
      const part = { path: join(dir, "in"), offset: 100, size: 35 << 20 };
      const copied = whole.subarray(100, 100 + part.size);
      assertEquals(await stream.copy!(part), { size: part.size, crc32: crc32(copied) });
      await stream.update(whole.subarray(0, 1));
      const short = { ...part, offset: whole.length - 9, size: 20 << 20 };
      const end = whole.subarray(-9);
      assertEquals(await stream.copy!(short), { size: 9, crc32: crc32(end) });
      const written = [whole.subarray(0, 7), copied, whole.subarray(0, 1), end];
      const digest = createHash("sha256");
      for (const each of written) digest.update(each);
      assertEquals(await stream.digests(), [digest.digest("hex")]);
      const size = written.reduce((sum, { length }) => sum + length, 0);
      assertEquals((await Deno.stat(out)).size, size);
      assertEquals(expected(await Deno.readFile(out), "sha256"), await stream.digests());
    }
    // One given up on the way does not disturb the others.
    const given = hasher.open(["sha256"], { path: out, label: "out" });
    await given.update(whole.subarray(0, 5));
    given[Symbol.dispose]();
    assertEquals(
      await digests(hasher, whole, [1 << 20]),
      expected(whole.subarray(0, 1 << 20), "sha256", "sha512"),
    );
    hasher.close();
  }));

Deno.test({
  ...needing(
    "/dev/full",
    Deno.build.os === "linux",
    "createHasher() says which file it cannot read or write",
  ),
  fn: () =>
    inTempDir(async (dir) => {
      const part = { path: join(dir, "none"), offset: 0, size: 5 };
      const hasher = createHasher(2);
      using missing = hasher.open(["sha256"]);
      const words = `Cannot read "${part.path}": no such file or directory`;
      await assertRejects(() => missing.copy!(part), KbuildError, words);
      await assertRejects(() => missing.update(noise(1)), KbuildError, words);
      await assertRejects(() => missing.digests(), KbuildError, words);
      using directory = hasher.open(["sha256"]);
      await assertRejects(
        () => directory.copy!({ ...part, path: dir }),
        KbuildError,
        "is a directory",
      );
      for (const each of [hasher, inlineHasher]) {
        using full = each.open(["sha256"], { path: "/dev/full", label: "/x/y.tar" });
        const failing = async () => {
          await full.update(noise(10));
          await full.digests();
        };
        const error = await assertRejects(failing, KbuildError, 'Cannot write "y.tar" in "/x"');
        assertEquals(error.notes.length, 1, error.message);
      }
      const size = 1 << 20;
      await Deno.writeFile(join(dir, "in"), noise(size));
      using full = hasher.open(["sha256"], { path: "/dev/full", label: "/x/y.tar" });
      const copying = () => full.copy!({ path: join(dir, "in"), offset: 0, size });
      await assertRejects(copying, KbuildError, 'Cannot write "y.tar" in "/x"');
      assertThrows(() => inlineHasher.open([], { path: join(dir, "no/x"), label: "x" }));
      hasher.close();
    }),
});

Deno.test("packTarball() says the same with a hasher in threads", () =>
  inTempDir(async (dir) => {
    const entries = [1, 2, 3].map((at) =>
      bytesEntry(`f${at}`, noise(5 << 20, at), { mtime: 1600000000 })
    );
    const alone = await packTarball(entries, `${dir}/a.tar.gz`);
    const hasher = createHasher(2);
    const threads = await packTarball(entries, `${dir}/b.tar.gz`, { hasher });
    hasher.close();
    assertEquals({ ...threads, path: "" }, { ...alone, path: "" });
    assertEquals(threads.sha256, expected(await Deno.readFile(threads.path), "sha256")[0]);
  }));
