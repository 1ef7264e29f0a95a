/**
 * Port of `build/lib/release.sh`: which tarballs and images a release has, and how they are made.
 *
 * @module
 */
export {
  type BaseImages,
  type ImageArchive,
  type ImageInputs,
  type ImagePlan,
  parseBaseImages,
  planImages,
} from "./images.ts";
export { type ManifestCopy, readReleaseLayout, type ReleaseLayout } from "./layout.ts";
export {
  type Artifact,
  checkInputs,
  type PackageOptions,
  type PackagePlan,
  packageTarballs,
  preparePackage,
} from "./package.ts";
export {
  dockerTag,
  planRelease,
  type ReleaseInputs,
  type ReleasePlatforms,
  requiredBinaries,
  requiredInputs,
  type StageEntry,
  type StageSource,
  type TarballPlan,
} from "./plan.ts";
export { isCruft } from "./stage.ts";
