import { createHash } from "node:crypto";
import { ifPossible } from "../files/mod.ts";
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
  const underWay = new Map<string, { bytes: Promise<Uint8Array<ArrayBuffer>>; shared: boolean }>();

  async function make(key: string, block: Uint8Array<ArrayBuffer>): Promise<Deflated> {
    const known = await cache.read(key);
    if (known !== undefined) return { bytes: known, buffer: block.buffer };
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
      if (same !== undefined) {
        same.shared = true;
        return { bytes: await same.bytes, buffer: block.buffer, shared: true };
      }
      const result = make(key, block);
      const bytes = result.then((made) => made.bytes);
      // Whoever waits for it sees the failure.
      void ifPossible(bytes);
      const own = { bytes, shared: false };
      underWay.set(key, own);
      try {
        const made = await result;
        underWay.delete(key);
        return { ...made, shared: own.shared };
      } finally {
        underWay.delete(key);
      }
    },
    close: () => inner.close(),
  });
}
