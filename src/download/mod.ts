/**
 * Ready releases of Kubernetes: which files of which version, their digests, and fetching them.
 *
 * @module
 */
export { chooseFiles, type FilesRequest } from "./choose.ts";
export { findDigests, parseList } from "./digests.ts";
export {
  addToLockFile,
  addToLockText,
  findLockFile,
  formatLockFile,
  LOCK_FILE,
  type LockedDigest,
  lockedDigest,
  type LockedFiles,
  parseLockFile,
  readLockFile,
} from "./lock_file.ts";
export { type DownloadRequest, downloadUrls, prepareDownload } from "./prepare.ts";
export { type DownloadedFile, downloadFiles, type DownloadFilesOptions } from "./run.ts";
export { type SignatureContext, verifyBlobArgv } from "./signatures.ts";
export { planSingleFile, type SingleFile } from "./single_file.ts";
export { releaseSite, versionUrl } from "./site.ts";
export type {
  DownloadPlan,
  KnownDigest,
  PlannedDownload,
  ReleaseFile,
  ReleaseSite,
  RequestedVersion,
  SignatureMode,
  SignaturePlan,
} from "./types.ts";
export { isPublishedVersion, parseRequested, publishedVersion } from "./version.ts";
