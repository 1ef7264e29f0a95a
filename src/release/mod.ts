/**
 * Port of `build/lib/release.sh`: which tarballs and images a release has, and how they are made.
 *
 * @example Which tarballs does a release have?
 * ```ts
 * import { checkout, release, sample, shell } from "@k8s/kbuild";
 *
 * const env = Deno.env.toObject();
 * const dir = await Deno.makeTempDir();
 * const git = shell.createShell({ env, cwd: dir });
 * await sample.createSample({ dir, era: "1.35", git, env });
 * const tree = await checkout.readCheckout(dir, { variables: {}, hostArch: "amd64" });
 * const platforms = checkout.setupPlatforms(tree, { fastbuild: true, hostArch: "amd64" });
 * const tarballs = release.planRelease(tree, await release.readReleaseLayout(tree), {
 *   platforms,
 *   version: "v1.35.0",
 *   only: undefined,
 * });
 * for (const { name, entries } of tarballs) console.log(name, entries.length);
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @module
 */
export { artifactKeys, type KeyedArtifact } from "./artifact_keys.ts";
export { checkInputs, packagedBinaries } from "./check_inputs.ts";
export type { DockerfileSource, ImageInputs, ImagePlan } from "./image_plan.ts";
export { type BaseImages, parseBaseImages, planImages, programsOf, wantedBases } from "./images.ts";
export { MD5_TAG, type TaggedPlan, withMd5Tags } from "./md5_tags.ts";
export { OpenBases, type OpenBasesOptions } from "./open_bases.ts";
export { type ImageArchive, writeImage, type WriteImageOptions } from "./write_image.ts";
export { type ImageMakefile, readImageMakefile } from "./image_makefile.ts";
export type { StageCopies, StageCopy } from "./follow.ts";
export {
  type AddonDirectory,
  type DirectoryImage,
  readReleaseLayout,
  type ReleaseLayout,
} from "./layout.ts";
export { describeMissing, type MissingInput } from "./missing.ts";
export { type Artifact, ARTIFACTS_FILE, type BaseOfImage, type Provenance } from "./artifact.ts";
export {
  CACHE_LIMIT,
  MAX_THREADS,
  openThreads,
  type OpenThreadsOptions,
  packageTarballs,
  packageUnits,
  trimBlocks,
} from "./package.ts";
export {
  type PackageOptions,
  type PackagePlan,
  type PlannedArtifact,
  plannedArtifacts,
  preparePackage,
  withFetchedBases,
} from "./prepare.ts";
export {
  dockerTag,
  planRelease,
  type ReleaseInputs,
  requiredBinaries,
  requiredInput,
  type Selection,
  SOURCE_TARBALL,
  type StageEntry,
  type StageSource,
  type TarballPlan,
} from "./plan.ts";
export { isCruft } from "./stage.ts";
export {
  ARCHIVE_ENV,
  type SourceCommit,
  type SourceTarball,
  type SourceTree,
} from "./source_tarball.ts";
export { shareBlocks, type SharedBlocks } from "./shared_blocks.ts";
export type { Threads } from "./jobs.ts";
