/**
 * Fetching: one table of mirrors, one client, one downloader, for whatever kbuild takes from a
 * network.
 *
 * @module
 */
export { cacheDirectory, isOffline } from "./cache_directory.ts";
export { readCertificates } from "./certificates.ts";
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
export { NetworkError, type NetworkErrorCode, redirectedTo } from "./failure.ts";
export {
  type FetchedFile,
  fetchFile,
  type FetchOptions,
  type FileDigest,
  type FileRequest,
  isFetched,
  keptFile,
  nameOf,
  partialPath,
} from "./fetch_file.ts";
export { ifFound } from "./if_found.ts";
export { inCache } from "./in_cache.ts";
export { withLock } from "./lock.ts";
export {
  type Candidate,
  candidatesFor,
  GO_MODULES,
  goProxy,
  isLoopback,
  type MirrorRule,
  MIRRORS,
  type MirrorTable,
  parseMirrors,
  ruleFor,
} from "./mirrors.ts";
export { PRESETS } from "./mirror_presets.ts";
export { readBody } from "./read_body.ts";
export { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retry_policy.ts";
export { type Proxy, proxyFor } from "./proxy.ts";
export { openBody, type ResumableBody } from "./resumed_body.ts";
export { hostOf, type RetryOptions } from "./retry.ts";
export type { StreamedBody } from "./streamed_body.ts";
export { tryCandidates, WrongContentError } from "./try_candidates.ts";
