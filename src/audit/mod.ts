/**
 * Looking into finished releases: every file read to its end, archives in archives and programs
 * included.
 *
 * @module
 */
export { checkArtifact, type CheckedArtifact, type Expectation } from "./check_artifact.ts";
export type { ArchivedImage } from "./image_archive.ts";
export { type Executable, readExecutable } from "./executable.ts";
export { NO_PACKAGE, packageOf, type ProgramSizes, programSizes } from "./program_sizes.ts";
export {
  faultOf,
  headerFault,
  isProgramPath,
  isStampedProgram,
  programFault,
  programFaults,
  type WantedProgram,
} from "./program_fault.ts";
export { type HazardOptions, memberHazards } from "./member_hazards.ts";
export { scanFile, type ScanOptions, scanStream } from "./scan.ts";
export type {
  Content,
  Finding,
  FirstDifference,
  Form,
  GoBuild,
  GoModule,
  Hunk,
  Member,
  Program,
} from "./types.ts";
export { compareContents, type CompareOptions } from "./compare_contents.ts";
export { compareFiles, type CompareFilesOptions } from "./compare_files.ts";
export {
  type VerifiedArtifact,
  type VerifiedRelease,
  type VerifyOptions,
  verifyRelease,
} from "./verify_release.ts";
export { listReleaseFiles, type ReleaseFiles } from "./release_files.ts";
