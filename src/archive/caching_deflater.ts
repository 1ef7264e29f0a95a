import { createHash } from "node:crypto";
import type { BlockCache } from "./block_cache.ts";
import type { Deflated, Deflater } from "./deflater.ts";

/** Below this many bytes a block is compressed sooner than looked up. */
const SMALLEST = 64 << 10;

/**
 * A {@linkcode Deflater} that compresses no block twice: neither one that the cache has, nor one
 * that is under way. Blocks are told apart by their SHA-256.
 *
 * @param inner Compresses what is new; closed together with the result.
 * @param cache Of blocks made by the same compressor at the same level.
 */
export function cachingDeflater(inner: Deflater, cache: BlockCache): Deflater {
  const underWay = new Map<string, Promise<Uint8Array>>();

  async function make(key: string, block: Uint8Array<ArrayBuffer>): Promise<Deflated> {
    const known = await cache.read(key);
    if (known !== undefined) return { bytes: known, spare: block.buffer };
    const result = await inner.deflate(block);
    await cache.write(key, result.bytes);
    return result;
  }

  return Object.freeze({
    jobs: inner.jobs,
    async deflate(block: Uint8Array<ArrayBuffer>): Promise<Deflated> {
      if (block.length < SMALLEST) return await inner.deflate(block);
      const key = createHash("sha256").update(block).digest("hex");
      const same = underWay.get(key);
      if (same !== undefined) return { bytes: await same, spare: block.buffer };
      const result = make(key, block);
      const bytes = result.then((made) => made.bytes);
      // Whoever waits for it sees the failure.
      bytes.catch(() => {});
      underWay.set(key, bytes);
      try {
        return await result;
      } finally {
        underWay.delete(key);
      }
    },
    close: () => inner.close(),
  });
}
