import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { join } from "@std/path";
import {
  cachingDeflater,
  createDeflater,
  type Deflater,
  gzip,
  openBlockCache,
  trimCache,
} from "../../src/archive/mod.ts";
import { inTempDir, noise, words } from "./helpers.ts";

const KEY = "ab".repeat(32);
const place = (dir: string, key: string) => join(dir, key.slice(0, 2), key);

Deno.test("openBlockCache() gives back what was written, and nothing else", () =>
  inTempDir(async (dir) => {
    const cache = openBlockCache(join(dir, "blocks"));
    assertEquals(await cache.read(KEY), undefined);
    await cache.write(KEY, noise(1000));
    assertEquals(await cache.read(KEY), noise(1000));
    assertEquals(await cache.read("cd".repeat(32)), undefined);
  }));

Deno.test("openBlockCache() takes no entry that is cut off, changed, empty, moved or a directory", () =>
  inTempDir(async (dir) => {
    const cache = openBlockCache(dir);
    const path = place(dir, KEY);
    const damages: [string, () => Promise<void>][] = [
      ["cut off", () => Deno.truncate(path, 500)],
      ["empty", () => Deno.truncate(path, 0)],
      ["longer", () => Deno.writeFile(path, noise(1), { append: true })],
      ["a bit", async () => {
        const bytes = await Deno.readFile(path);
        bytes[700]! ^= 1;
        await Deno.writeFile(path, bytes);
      }],
      ["moved", async () => {
        const other = "ab" + "0".repeat(62);
        await cache.write(other, noise(1000, 5));
        await Deno.rename(place(dir, other), path);
      }],
      ["a directory", async () => {
        await Deno.remove(path);
        await Deno.mkdir(path);
      }],
    ];
    for (const [what, damage] of damages) {
      await cache.write(KEY, noise(1000));
      await damage();
      assertEquals(await cache.read(KEY), undefined, what);
      // The first write may only clear the place; the cache is never an error.
      await cache.write(KEY, noise(1000));
      await cache.write(KEY, noise(1000));
      assertEquals(await cache.read(KEY), noise(1000), what);
    }
  }));

Deno.test("openBlockCache() goes without what cannot be written", () =>
  inTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "file"), "");
    const cache = openBlockCache(join(dir, "file"));
    await cache.write(KEY, noise(10));
    assertEquals(await cache.read(KEY), undefined);
  }));

Deno.test("trimCache() removes what was not used for longest", () =>
  inTempDir(async (dir) => {
    const cache = openBlockCache(dir);
    const keys = ["00", "11", "22"].map((start) => start.repeat(32));
    for (const [index, key] of keys.entries()) {
      await cache.write(key, noise(1000, index));
      await Deno.utime(place(dir, key), 1000 + index, 1000 + index);
    }
    await cache.read(keys[0]!);
    await trimCache(dir, 2500);
    const left = await Promise.all(keys.map((key) => cache.read(key)));
    assertEquals(left.map((bytes) => bytes !== undefined), [true, false, true]);
    await trimCache(dir, 0);
    assertEquals(await cache.read(keys[0]!), undefined);
    await trimCache(join(dir, "nowhere"), 0);
  }));

Deno.test("trimCache() leaves what is not an entry of a cache, and follows no link", () =>
  inTempDir(async (dir) => {
    const cache = openBlockCache(join(dir, "cache"));
    const key = "33".repeat(32);
    await cache.write(key, noise(1000));
    await Deno.mkdir(join(dir, "mine/33"), { recursive: true });
    for (const path of ["mine/33", "cache/33", "cache"]) {
      await Deno.writeTextFile(join(dir, path, "notes"), "mine");
    }
    await Deno.writeTextFile(join(dir, "mine/33", key), "mine");
    await Deno.symlink("../mine/33", join(dir, "cache/44"));
    await Deno.symlink("../../mine/33/notes", join(dir, "cache/33", "55".repeat(32)));
    await Deno.symlink("mine", join(dir, "link"));
    const before = await Array.fromAsync(walk(dir), ({ path }) => path);
    await trimCache(join(dir, "link"), 0);
    assertEquals(await Array.fromAsync(walk(dir), ({ path }) => path), before);
    await trimCache(join(dir, "cache"), 0);
    assertEquals(
      await Array.fromAsync(walk(dir), ({ path }) => path),
      before.filter((path) => path !== place(join(dir, "cache"), key)),
    );
  }));

/** Counts what is really compressed. */
function counting(): Deflater & { count: number } {
  const inner = createDeflater();
  return {
    jobs: 2,
    count: 0,
    deflate(block) {
      this.count++;
      return inner.deflate(block);
    },
    close: () => inner.close(),
  };
}

Deno.test("cachingDeflater() compresses nothing twice, in one run or the next", () =>
  inTempDir(async (dir) => {
    const data = words(300_000);
    const plain = await gzip(data);
    const first = counting();
    const deflater = cachingDeflater(first, openBlockCache(dir));
    const both = await Promise.all([gzip(data, { deflater }), gzip(data, { deflater })]);
    assertEquals(both, [plain, plain]);
    assertEquals(first.count, 1);
    const second = counting();
    const again = cachingDeflater(second, openBlockCache(dir));
    assertEquals(await gzip(data, { deflater: again }), plain);
    assertEquals(second.count, 0);
  }));

Deno.test("cachingDeflater() hands a failure to all who wait for the block", async () => {
  const failing: Deflater = {
    jobs: 1,
    deflate: () => Promise.reject(new Error("broken")),
    close: () => {},
  };
  const cache = { read: () => Promise.resolve(undefined), write: () => Promise.resolve() };
  const deflater = cachingDeflater(failing, cache);
  const results = await Promise.allSettled([
    deflater.deflate(noise(100_000)),
    deflater.deflate(noise(100_000)),
  ]);
  assertEquals(results.map(({ status }) => status), ["rejected", "rejected"]);
});
