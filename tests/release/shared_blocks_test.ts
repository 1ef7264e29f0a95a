import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type BlockCache,
  cachingDeflater,
  createDeflater,
  type Deflater,
  gzip,
  openBlockCache,
} from "../../src/archive/mod.ts";
import { shareBlocks } from "../../src/release/mod.ts";
import { bytesOf } from "../store/_files.ts";
import { inTempDir, opened } from "../store/_kinds.ts";

const FORMAT = "deflate-5-test";

/** A compressor that counts. */
function counted(): { deflater: Deflater; count(): number } {
  const inner = createDeflater({ level: 5, jobs: 1 });
  let blocks = 0;
  const deflater: Deflater = {
    jobs: inner.jobs,
    deflate: (block) => {
      blocks++;
      return inner.deflate(block);
    },
    close: () => inner.close(),
  };
  return { deflater, count: () => blocks };
}

async function compress(cache: BlockCache, bytes: Uint8Array): Promise<[Uint8Array, number]> {
  const { deflater, count } = counted();
  const caching = cachingDeflater(deflater, cache);
  try {
    return [await gzip(bytes, { deflater: caching }), count()];
  } finally {
    caching.close();
  }
}

Deno.test("shareBlocks() compresses on one machine what others need, and gives the same bytes", () =>
  inTempDir(async (dir) => {
    const world = opened(join(dir, "store"), dir);
    const content = bytesOf(9 << 20);
    const on = async (machine: string, readOnly = false): Promise<[Uint8Array, number]> => {
      using store = await world.open({ readOnly });
      const blocks = shareBlocks(store);
      const cache = blocks.before(openBlockCache(join(dir, machine)), FORMAT);
      const made = await compress(cache, content);
      await blocks.settle();
      return made;
    };
    const [first, made] = await on("one");
    assert(made >= 4);
    assertEquals(await on("two", true), [first, 0]);
    // Afterwards it is on that machine.
    await Deno.remove(join(dir, "store"), { recursive: true });
    const local = openBlockCache(join(dir, "two"));
    assertEquals((await compress(local, content))[1], 0);
  }));

Deno.test("shareBlocks() takes no block that unpacks to something else", () =>
  inTempDir(async (dir) => {
    const { deflater } = counted();
    const [right, wrong] = [bytesOf(100_000, 1), bytesOf(100_000, 2)];
    const keyOf = async (bytes: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    const key = await keyOf(right);
    const packed = async (bytes: Uint8Array<ArrayBuffer>) =>
      (await deflater.deflate(bytes.slice())).bytes;
    const bomb = await packed(new Uint8Array(2 << 20));
    const many = new Uint8Array(bomb.length * 40);
    for (let at = 0; at < 40; at++) many.set(bomb, at * bomb.length);
    const world = opened(join(dir, "store"), dir);
    for (const bytes of [await packed(wrong), bytesOf(500), new Uint8Array(), many]) {
      using store = await world.open();
      const blocks = shareBlocks(store);
      // As another writer could have put it there.
      await blocks.before(openBlockCache(join(dir, "other")), FORMAT).write(key, bytes);
      await blocks.settle();
      const cache = blocks.before(openBlockCache(join(dir, "own")), FORMAT);
      assertEquals(await cache.read(key), undefined);
    }
    using store = await world.open();
    const blocks = shareBlocks(store);
    const block = await packed(right);
    await blocks.before(openBlockCache(join(dir, "other")), FORMAT).write(key, block);
    await blocks.settle();
    const own = openBlockCache(join(dir, "own"));
    assertEquals(await blocks.before(own, "another format").read(key), undefined);
    assertEquals(await blocks.before(own, FORMAT).read(key), block);
    assertEquals(await own.read(key), block);
    deflater.close();
  }));

Deno.test("shareBlocks() goes on without a store that is gone", () =>
  inTempDir(async (dir) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const world = opened(`http://127.0.0.1:${port}`, dir);
    using store = await world.open();
    const blocks = shareBlocks(store);
    const content = bytesOf(5 << 20);
    const cache = blocks.before(openBlockCache(join(dir, "one")), FORMAT);
    const [with_, made] = await compress(cache, content);
    await blocks.settle();
    const [without] = await compress(openBlockCache(join(dir, "two")), content);
    assertEquals(with_, without);
    assert(made >= 2);
    assertEquals(world.log.filter((line) => line.includes("WARNING")).length, 1);
  }));
