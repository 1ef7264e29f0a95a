import type { Checkout, PlatformSet } from "../checkout/mod.ts";
import { binaryName } from "../lib/golang/mod.ts";
import { engineReference, pinEngineImage } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { VersionVars } from "../lib/version/mod.ts";
import type { FetchedImage } from "../registry/mod.ts";
import type { Provenance } from "./artifact.ts";
import { checkPrograms } from "./check_inputs.ts";
import {
  type BaseImages,
  type ImagePlan,
  parseBaseImages,
  planImages,
  programsOf,
} from "./images.ts";
import { type FolderImage, readReleaseLayout, type ReleaseLayout } from "./layout.ts";
import { planSource, type SourceTarball } from "./source_tarball.ts";
import { imageNames, planRelease, type ReleaseInputs, type TarballPlan } from "./plan.ts";

/** What to package. */
export interface PackageOptions {
  /** The version to package as. */
  vars: VersionVars & { gitVersion: string };
  /** Seconds since 1970: the time of every member and image. */
  epoch: number;
  /** Where version and time are from, for {@linkcode ARTIFACTS_FILE}. */
  provenance?: Provenance;
  /** The platforms to package. */
  platforms: PlatformSet;
  /** Folder of the binaries: `<bin>/<os>/<arch>/<name>`. */
  binPath: string;
  /** Names of the only binaries to package; undefined means all. */
  only?: ReadonlySet<string> | undefined;
  /** `NAME=WHERE` words of `--base-image`. */
  baseImages?: readonly string[];
  /** Bases from a registry, for those that `baseImages` does not give. */
  fetchedBases?: readonly FetchedImage[];
  /** Compressing threads; default: the number of processors, at most {@linkcode MOST_THREADS}. */
  jobs?: number | undefined;
  /** zlib level of the tarballs, 0 to 9; default {@linkcode archive.DEFAULT_LEVEL}. */
  compressionLevel?: number | undefined;
  /** Bytes that compressed blocks may take in the cache; default {@linkcode CACHE_LIMIT}. */
  cacheLimit?: number | undefined;
  /** Whether inputs that the checkout lacks (licenses, documents) are left out. Default: no. */
  allowMissing?: boolean;
  /** What {@linkcode preparePackage} computed for the same options; default: computed now. */
  plan?: PackagePlan;
}

/** Everything that packaging will do. */
export interface PackagePlan {
  /** What the checkout's era packs. */
  readonly layout: ReleaseLayout;
  /** Every tarball. */
  readonly tarballs: readonly TarballPlan[];
  /** Every image archive. */
  readonly images: readonly ImagePlan[];
  /** Where the bases of images are. */
  readonly bases: BaseImages;
  /** What the source tarball holds. */
  readonly source: SourceTarball;
}

/**
 * Computes what {@linkcode packageTarballs} will do, and checks that everything is there.
 *
 * @throws {KbuildError} Inputs are missing; names all of them.
 */
export async function preparePackage(
  context: KubeContext,
  checkout: Checkout,
  options: PackageOptions,
): Promise<PackagePlan> {
  const layout = await readReleaseLayout(checkout);
  const inputs: ReleaseInputs = {
    platforms: options.platforms,
    version: options.vars.gitVersion,
    only: options.only,
    variables: context.env,
  };
  const tarballs = planRelease(checkout, layout, inputs);
  const images: ImagePlan[] = [];
  for (const platform of options.platforms.server) {
    images.push(
      ...await planImages(context, checkout, layout, {
        version: options.vars.gitVersion,
        arch: platform.slice(platform.lastIndexOf("/") + 1),
        names: imageNames(checkout, inputs),
        binPath: options.binPath,
        folderImages: wantedFolderImages(context, checkout, layout, options),
      }),
    );
  }
  const whole = images.filter((image) => isPart(image, options));
  checkPrograms(whole, options);
  const given = await pinBases(context, parseBaseImages(options.baseImages ?? [], whole));
  const source = await planSource(context, layout, {
    clean: options.vars.gitTreeState === "clean",
  });
  return withFetchedBases(
    { layout, tarballs, images: Object.freeze(whole), bases: given, source },
    options.fetchedBases ?? [],
  );
}

/** The same plan with bases that were fetched since. */
export function withFetchedBases(
  plan: PackagePlan,
  fetched: readonly FetchedImage[],
): PackagePlan {
  const bases = new Map(plan.bases);
  for (const base of fetched) bases.set(base.reference, base);
  return Object.freeze({ ...plan, bases });
}

/** Bases of a Docker engine by their IDs: all images of a release stand on the same one. */
async function pinBases(
  { shell }: KubeContext,
  bases: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const pinned = new Map<string, string>();
  for (const [name, where] of bases) {
    const reference = engineReference(where);
    pinned.set(name, reference === undefined ? where : await pinEngineImage(shell, reference));
  }
  return pinned;
}

/**
 * The images with folders of their own that are asked for (`KUBE_BUILD_CONFORMANCE`,
 * `KUBE_BUILD_HYPERKUBE`), where their binaries are part of the release.
 */
function wantedFolderImages(
  context: KubeContext,
  checkout: Checkout,
  layout: ReleaseLayout,
  options: PackageOptions,
): readonly FolderImage[] {
  return layout.folderImages.filter(({ name, byDefault }) => {
    const wanted = context.env[`KUBE_BUILD_${name.toUpperCase()}`] || (byDefault ? "y" : "n");
    if (!/[yY]/.test(wanted)) return false;
    const binaries = name === "conformance"
      ? checkout.targets.conformanceImage.value.map(binaryName)
      : [];
    return options.only === undefined || binaries.every((binary) => options.only?.has(binary));
  });
}

/** hyperkube is part of a release that has its programs: one up to 1.16, six since. */
function isPart(image: ImagePlan, { binPath, only }: PackageOptions): boolean {
  if (image.name !== "hyperkube" || only === undefined) return true;
  return programsOf(image, binPath).every((program) => only.has(program));
}
