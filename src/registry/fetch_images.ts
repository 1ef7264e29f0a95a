import { KbuildError } from "../errors.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { cacheFolder, claimCache, createClient, type Patience } from "../net/mod.ts";
import { blobsLimit, BlobStore } from "./blob_store.ts";
import { ImageFetcher } from "./image_fetcher.ts";
import { openSession } from "./session.ts";
import type { FetchedImage, RegistryContext, WantedImage } from "./types.ts";

/** Options of {@linkcode fetchImages}. */
export interface FetchImagesOptions {
  /** How long servers are waited for. */
  readonly patience?: Partial<Patience>;
  /** Whether a tag that is known already is asked for again; default true, never with `--offline`. */
  readonly pull?: boolean;
}

/**
 * Fetches images into the cache: resolved by the registries that the mirrors lead to, each part
 * checked by its digest on arrival, and what is there already checked again.
 *
 * @returns In the order of `wanted`.
 * @throws {KbuildError} An image cannot be had: the hosts, the rules that led there, and the ways
 * out; it has nothing for an architecture; with `--offline` something is not in the cache.
 */
export async function fetchImages(
  context: RegistryContext,
  wanted: readonly WantedImage[],
  options: FetchImagesOptions = {},
): Promise<readonly FetchedImage[]> {
  const cache = cacheFolder(context.env, context.host);
  if (cache === undefined) {
    throw new KbuildError("Cannot fetch images: no folder is known to keep them in", {
      notes: ["Set KBUILD_CACHE to the absolute path of a folder"],
    });
  }
  const limit = blobsLimit(context.env);
  await claimCache(cache, context.env, ownershipContext(context));
  using client = await createClient(context, options.patience);
  const shared = {
    context,
    cache,
    store: new BlobStore(cache),
    session: openSession(client, context),
    pull: options.pull ?? true,
    dead: new Set<string>(),
  };
  const images: FetchedImage[] = [];
  for (const image of wanted) images.push(await new ImageFetcher(shared, image).fetch());
  // Now that what this run uses has been used.
  await shared.store.sweep(limit);
  return Object.freeze(images);
}
