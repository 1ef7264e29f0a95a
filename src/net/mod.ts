/**
 * Fetching: one table of mirrors, one client, one downloader, for whatever kbuild takes from a
 * network.
 *
 * @module
 */
export { cacheFolder, isOffline } from "./cache_folder.ts";
export { checkInCache, claimCache } from "./claim_cache.ts";
export { type Client, createClient, type NetContext, type NetRequest } from "./client.ts";
export { type DigestFrom, isDigestFrom } from "./digest_from.ts";
export {
  downloadBytes,
  downloadInto,
  type DownloadOptions,
  readAll,
  type Send,
} from "./download.ts";
export { NetworkError, redirectedTo } from "./failure.ts";
export { inCache } from "./in_cache.ts";
export { withLock } from "./lock.ts";
export {
  GO_MODULES,
  goProxy,
  isLoopback,
  type MirrorRule,
  MIRRORS,
  type MirrorTable,
  parseMirrors,
  type Place,
  placesFor,
  ruleFor,
} from "./mirrors.ts";
export { PRESETS } from "./mirror_presets.ts";
export { readBody } from "./read_body.ts";
export { PATIENCE, type Patience } from "./patience.ts";
export { type Proxy, proxyFor } from "./proxy.ts";
export { hostOf, type RetryOptions } from "./retry.ts";
export type { StreamedBody } from "./streamed_body.ts";
export { tryPlaces, WrongContentError } from "./try_places.ts";
