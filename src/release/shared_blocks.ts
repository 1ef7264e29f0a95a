import { createHash } from "node:crypto";
import { constants as zlib, inflateRawSync } from "node:zlib";
import type { BlockCache } from "../archive/mod.ts";
import { ifPossible, ifPossibleSync } from "../files/mod.ts";
import { workQueue } from "../lib/util.ts";
import type { Store } from "../store/mod.ts";

/** Compressed blocks that several machines share. */
export interface SharedBlocks {
  /**
   * A cache before the store: what it lacks comes from there, and what it gets goes there.
   *
   * @param format Everything that a block depends on apart from its bytes (`archive.deflateFormat`).
   */
  before(local: BlockCache, format: string): BlockCache;
  /** Waits until everything is in the store, or given up. */
  settle(): Promise<void>;
}

/** Blocks that are on their way to the store; further ones wait. */
const CONCURRENCY = 8;

/** Bytes that a block stands for: twice what the compressor takes. */
const MAX_BLOCK = 4 << 20;

/**
 * Shares compressed blocks through a store. A block that comes from there is unpacked, and has to be what it was
 * asked for: nothing that a store sends can change the content of an artifact.
 */
export function shareBlocks(store: Store): SharedBlocks {
  const uploads = workQueue(CONCURRENCY);
  return Object.freeze<SharedBlocks>({
    before: (local, format) => ({
      async read(key) {
        const known = await local.read(key);
        if (known !== undefined || !store.isUsable) return known;
        const found = await store.value(storeKey(key, format));
        if (found === undefined || !isBlockOf(key, found)) return undefined;
        await local.write(key, found);
        return found;
      },
      async write(key, bytes) {
        await local.write(key, bytes);
        if (!store.isUsable || store.readOnly) return;
        // Its memory is used again.
        const own = bytes.slice();
        // Of a run that is being stopped, other work says so. More blocks would hold more memory.
        await uploads.add(async () => {
          await ifPossible(store.saveValue(storeKey(key, format), own));
        });
      },
    }),
    settle: () => uploads.settle(),
  });
}

function storeKey(key: string, format: string): string {
  return createHash("sha256").update(`kbuild block\n${format}\n${key}`).digest("hex");
}

/** Whether a compressed block unpacks to the bytes with a SHA-256. */
function isBlockOf(key: string, block: Uint8Array): boolean {
  const bytes = ifPossibleSync(() =>
    inflateRawSync(block, { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: MAX_BLOCK })
  );
  return bytes !== undefined && createHash("sha256").update(bytes).digest("hex") === key;
}
