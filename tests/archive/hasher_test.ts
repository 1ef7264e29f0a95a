import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import {
  bytesEntry,
  createHasher,
  type Hasher,
  inlineHasher,
  packTarball,
} from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { inTempDir, noise } from "./helpers.ts";

const expected = (bytes: Uint8Array, ...names: string[]) =>
  names.map((name) => createHash(name).update(bytes).digest("hex"));

async function digests(hasher: Hasher, bytes: Uint8Array, pieces: readonly number[]) {
  const stream = hasher.open("sha256", "sha512");
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
    const empty = await hasher.open("sha256").digests();
    assertEquals(empty, expected(new Uint8Array(0), "sha256"));
    hasher.close();
  }
});

Deno.test("createHasher() fails what is under way when it is closed, and what comes after", async () => {
  const hasher = createHasher(2);
  const stream = hasher.open("sha256");
  const all = (async () => {
    for (let at = 0; at < 200; at++) await stream.update(noise(1 << 20));
    return await stream.digests();
  })();
  hasher.close();
  await assertRejects(() => all, KbuildError, "Cannot hash: the hasher was closed");
  await assertRejects(() => stream.digests(), KbuildError, "closed");
  assertThrows(() => hasher.open("sha256"), KbuildError, "closed");
  assertEquals(createHasher(1), inlineHasher);
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
