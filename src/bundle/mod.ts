/**
 * Bundles: one archive with all that a machine without a network needs to start a cluster.
 *
 * @module
 */
export { publishedProgramFaults } from "./published_programs.ts";
export { INSTALL_SCRIPT } from "./install_script.ts";
export {
  type BuiltVersion,
  type KubeadmFiles,
  type KubeadmImages,
  parseKubeadmImages,
  readKubeadmImages,
} from "./kubeadm_images.ts";
export {
  bundleName,
  DIRECTORIES,
  MANIFEST_FILE,
  manifestText,
  parseManifest,
  SCRIPT_FILE,
  SUMS_FILE,
  sumsText,
} from "./manifest.ts";
export {
  BUNDLE_PARTS,
  type BundlePart,
  FETCHED_IMAGES,
  type FetchedImageName,
  leftOutBy,
  type PartKind,
  partsOf,
} from "./parts.ts";
export {
  BUNDLE_VERSION,
  type BundledFile,
  type BundledImage,
  type BundleManifest,
} from "./types.ts";
export { type VerifiedBundle, verifyBundle, type VerifyBundleOptions } from "./verify_bundle.ts";
export {
  type BundleContents,
  type BundleSource,
  writeBundle,
  type WrittenBundle,
} from "./write_bundle.ts";
