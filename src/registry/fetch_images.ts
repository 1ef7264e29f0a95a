import { KbuildError } from "../errors.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { cacheDirectory, claimCache, createClient, inCache, type RetryPolicy } from "../net/mod.ts";
import { blobsLimit, BlobStore } from "./blob_store.ts";
import { credentialFinder } from "./credentials.ts";
import { ImageFetcher } from "./image_fetcher.ts";
import { DIGESTS, parseDigests } from "./locked_digests.ts";
import { openSession } from "./session.ts";
import type { FetchedImage, RegistryContext, WantedImage } from "./types.ts";

/** Options of {@linkcode fetchImages}. */
export interface FetchImagesOptions {
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy>;
  /** Whether a tag that is known already is asked for again; default true, never with `--offline`. */
  readonly pull?: boolean;
}

/** An image cannot be fetched: the same message and notes, and which image. */
export class ImageError extends KbuildError {
  /** Tells it from other errors. */
  override readonly name = "ImageError";
  /** The image, as it was asked for. */
  readonly reference: string;

  /**
   * Makes the error.
   *
   * @param error Why it cannot be fetched.
   */
  constructor(reference: string, error: KbuildError) {
    super(error.message, { ...error, cause: error });
    this.reference = reference;
  }
}

/**
 * For asking an origin what a tag stands for: whoever names a mirror may have no way there, and must
 * not wait for minutes to find that out.
 */
function inAHurry(retryPolicy: RetryPolicy): RetryPolicy {
  return { ...retryPolicy, attempts: 1, headersMs: Math.min(retryPolicy.headersMs, 5000) };
}

/**
 * Fetches images into the cache through the mirrors, each part checked by its digest on arrival, and
 * what is there already checked again. The digest of a tag is the one in `KBUILD_DIGESTS`, else its own
 * registry's; if that cannot be reached, the one that it gave earlier. Only where there is none the
 * mirror's word counts, with a warning.
 *
 * @returns In the order of `wanted`.
 * @throws {ImageError} An image cannot be fetched: the hosts, the rules that led there, and the ways
 * out; it has nothing for an architecture; with `--offline` something is not in the cache.
 */
export async function fetchImages(
  context: RegistryContext,
  wanted: readonly WantedImage[],
  options: FetchImagesOptions = {},
): Promise<readonly FetchedImage[]> {
  const cache = cacheDirectory(context.env, context.host);
  if (cache === undefined) {
    throw new KbuildError("Cannot fetch images: no directory is known to keep them in", {
      notes: ["Set KBUILD_CACHE to the absolute path of a directory"],
    });
  }
  return await inCache(cache, () => fetchInto(cache, context, wanted, options));
}

async function fetchInto(
  cache: string,
  context: RegistryContext,
  wanted: readonly WantedImage[],
  options: FetchImagesOptions,
): Promise<readonly FetchedImage[]> {
  const limit = blobsLimit(context.env);
  const digests = parseDigests(context.env[DIGESTS] ?? "");
  await claimCache(cache, context.env, ownershipContext(context));
  using client = await createClient(context, options.retryPolicy);
  using quick = await createClient(context, inAHurry(client.retryPolicy));
  const finder = credentialFinder(context);
  const shared = {
    context,
    cache,
    store: new BlobStore(cache),
    session: openSession(client, context, finder),
    originSession: openSession(quick, context, finder),
    digests,
    pull: options.pull ?? true,
    dead: new Set<string>(),
  };
  const images: FetchedImage[] = [];
  for (const image of wanted) {
    try {
      images.push(await new ImageFetcher(shared, image).fetch());
    } catch (error) {
      context.signal?.throwIfAborted();
      throw error instanceof KbuildError ? new ImageError(image.reference, error) : error;
    }
  }
  // Now that what this run uses has been used.
  await shared.store.sweep(limit);
  return Object.freeze(images);
}
