/**
 * Packages of Linux distributions: what a deb or an rpm of a Kubernetes release contains, by version, and
 * writing them, without programs of a distribution.
 *
 * @module
 */
export { isPackagePlatform, packageArch, parseRpmArch } from "./architecture.ts";
export { writeDeb, type WritePackageOptions } from "./deb.ts";
export { type Dependencies, dependenciesOf } from "./dependencies.ts";
export {
  BUILT_PACKAGES,
  checkMaintainer,
  DEFAULT_MAINTAINER,
  type Described,
  type DescribeOptions,
  describePackage,
  packageFileName,
} from "./describe.ts";
export type { PackageArchive, RepositoryFile, WrittenPackage } from "./package_archive.ts";
export {
  openPackageKeys,
  type PackageKey,
  type PackageKeys,
  type PackageKeysOptions,
} from "./package_key.ts";
export { demandedPrograms, readDemandedPrograms } from "./preflight.ts";
export {
  type LeftOutPackage,
  type PackagesPlan,
  type PackagesRequest,
  type PlannedPackage,
  preparePackages,
  wantedTarballs,
} from "./prepare.ts";
export { type PackagedFile, packagedFiles } from "./read_package.ts";
export { type PlacedFile, repositoriesOf, repositoryFiles, signatureFiles } from "./repository.ts";
export { checkSigning, checkSigningKey, gpgSigner, type Signer } from "./signer.ts";
export { resolvePackage } from "./resolve.ts";
export {
  matchTarball,
  type NamedTarballs,
  parseNamedTarballs,
  parseTarballName,
  type ProgramTarball,
  readNamedTarballs,
  readProgramTarball,
  type TarballMatch,
  tarballName,
  tarballUrl,
  unpackPrograms,
  type WantedTarball,
} from "./tarballs.ts";
export { writeRpm, type WriteRpmOptions } from "./rpm.ts";
export {
  type BuiltPackageName,
  type DescribedFile,
  type Package,
  PACKAGE_FORMATS,
  PACKAGE_NAMES,
  type PackageDescription,
  type PackageFile,
  type PackageFormat,
  type PackageName,
  type PackageScripts,
  type Relation,
  type TarballPackageName,
} from "./types.ts";
export {
  defaultRevision,
  isAtLeast,
  type KubernetesVersion,
  packageVersion,
  parseKubernetesVersion,
  revisionFault,
} from "./version.ts";
export {
  packageNote,
  placePackages,
  type PlacePackagesOptions,
  readPackage,
  writePackage,
  type WritePlannedOptions,
} from "./write_packages.ts";
