/**
 * Files and directories: what appears complete or not at all, locks, what may be removed or
 * replaced, and reasons of the operating system in words.
 *
 * @example
 * ```ts
 * import { files } from "@k8s/kbuild";
 *
 * const dir = await Deno.makeTempDir();
 * await files.writeFileAtomic(`${dir}/version`, "v1.20.2");
 * console.log(await files.ifPresent(Deno.readTextFile(`${dir}/nothing`))); // undefined
 * await files.removeTree(dir);
 * ```
 *
 * @module
 */
export {
  cannotWrite,
  TEMPORARY_PREFIX,
  temporaryName,
  writeAll,
  writeFileAtomic,
  type WriteFileAtomicOptions,
} from "./atomic.ts";
export {
  claimDirectory,
  type ClaimOptions,
  type DirectoryKind,
  foreign,
  isClaimed,
  isSystemEntry,
  MARK,
  whyNotEmpty,
  whyNotWritable,
} from "./claim.ts";
export {
  cannotRead,
  CHUNK_SIZE,
  concat,
  equalBytes,
  type FileRange,
  hex,
  readFileChunks,
} from "./chunks.ts";
export { FREE_SPACE, isDiskFull } from "./disk_full.ts";
export { entriesOf, filesBelow, isDirectory, sizeOfTree } from "./entries.ts";
export { changeTime, fingerprint, isSettled } from "./fingerprint.ts";
export { freeBytes } from "./free_bytes.ts";
export { ifPossible, ifPossibleSync, ifPresent, ifPresentSync } from "./if_present.ts";
export { jsonIn, objectIn } from "./json.ts";
export { linkOrCopy, linkTree } from "./link_tree.ts";
export { type FileLock, lockFile, lockFileNow, type LockOptions } from "./lock.ts";
export { copyFileAtomic, type CopyOptions, moveFile, moveNew, replaceLink } from "./place.ts";
export { readNote } from "./note.ts";
export { isMountPoint, type Mount, mountOf } from "./mounts.ts";
export {
  checkDisposable,
  type DisposableOptions,
  type Evidence,
  followed,
  keepsTracked,
  type KeptDirectory,
  MARKS_ALONE,
  type OwnershipContext,
  realPathOfNearest,
  type Tracked,
  whereWritten,
  whyKept,
  whyProtected,
  whyTracked,
} from "./ownership.ts";
export { reasonOf } from "./reason.ts";
export {
  checkRegular,
  copyFile,
  IrregularFileError,
  irregularKind,
  openFile,
  readFile,
  readText,
  readTextSync,
} from "./regular.ts";
export { removeIfEmpty, removeTree } from "./remove_tree.ts";
export { removeUnused } from "./remove_unused.ts";
export { clearLeftover, clearLeftovers, clearStale, WorkDirectory } from "./work_directory.ts";
