import { join } from "@std/path";
import { ifPossible, readNote, removeTree, writeFileAtomic } from "../files/mod.ts";
import { compressTar, deflateFormat, type Deflater, maybeGunzip } from "../archive/mod.ts";
import { checkDigest, hexOf, isDigest } from "../image/mod.ts";
import type { ArchivedLayer } from "./archived_image.ts";
import type { BlobStore } from "./blob_store.ts";
import { type Descriptor, MEDIA } from "./manifest.ts";

/**
 * The zlib level of pushed layers, the one whose bytes do not depend on the kind of processor: the
 * digest of an image is what its users pin, whoever pushed it. Twice the processor time of the level
 * of tarballs for 5 % less to send.
 */
export const LAYER_LEVEL = 9;

/**
 * A layer compressed, as registries want it: in the cache, so that it is done once. Equal tars give
 * equal bytes, on every kind of machine.
 *
 * @param cache kbuild's cache directory.
 * @throws {KbuildError} The tar is not what the image's configuration says.
 */
export async function compressLayer(
  layer: ArchivedLayer,
  { cache, store, deflater, label, signal }: {
    cache: string;
    store: BlobStore;
    /** Of {@linkcode LAYER_LEVEL}. */
    deflater: Deflater;
    label: string;
    signal?: AbortSignal | undefined;
  },
): Promise<Descriptor> {
  const directory = join(cache, "layers");
  const note = join(directory, `${hexOf(layer.diffID)}.${deflateFormat(LAYER_LEVEL)}.json`);
  const known = await readDescriptor(note);
  if (known !== undefined && await store.has(known.digest)) return known;
  const path = join(await store.workDirectory(), `layer-${crypto.randomUUID()}`);
  try {
    const { sha256, size, tarSha256 } = await compressTar(
      async (sink) => {
        for await (const chunk of maybeGunzip(layer.read(), label)) await sink(chunk);
      },
      path,
      { deflater, signal },
    );
    checkDigest(label, layer.diffID, `sha256:${tarSha256}`);
    const found = Object.freeze({
      mediaType: MEDIA.dockerLayer,
      digest: `sha256:${sha256}`,
      size,
    });
    await store.adopt(path, found.digest);
    await Deno.mkdir(directory, { recursive: true });
    await writeFileAtomic(note, `${JSON.stringify(found)}\n`);
    return found;
  } catch (error) {
    await ifPossible(removeTree(path));
    throw error;
  }
}

async function readDescriptor(path: string): Promise<Descriptor | undefined> {
  const { digest, size } = await readNote(path) ?? {};
  return isDigest(digest) && typeof size === "number" && Number.isSafeInteger(size) && size >= 0
    ? Object.freeze({ mediaType: MEDIA.dockerLayer, digest, size })
    : undefined;
}
