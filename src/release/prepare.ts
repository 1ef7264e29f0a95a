import type { CompressionLevel } from "../archive/mod.ts";
import type { Checkout, PlatformSet } from "../checkout/mod.ts";
import { binaryName } from "../lib/golang/mod.ts";
import { engineReference, pinEngineImage } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { VersionVars } from "../lib/version/mod.ts";
import type { FetchedImage } from "../registry/mod.ts";
import { type Artifact, checksumFiles, type Provenance } from "./artifact.ts";
import type { ImagePlan } from "./image_plan.ts";
import {
  type BaseImages,
  checkPrograms,
  parseBaseImages,
  planImages,
  programsOf,
} from "./images.ts";
import { type DirectoryImage, readReleaseLayout, type ReleaseLayout } from "./layout.ts";
import { findMissing, type MissingInput } from "./missing.ts";
import { planSource, type SourceTarball } from "./source_tarball.ts";
import { imageNames, planRelease, type ReleaseInputs, type TarballPlan } from "./plan.ts";

/** A requested package: the same value from the command line to the artifacts. */
export interface PackageOptions {
  /** The version to package as. */
  vars: VersionVars & { gitVersion: string };
  /** Seconds since 1970: the time of every member and image. */
  epoch: number;
  /** Where version and time are from, for {@linkcode ARTIFACTS_FILE}. */
  provenance?: Provenance;
  /** The platforms to package. */
  platforms: PlatformSet;
  /** Directory of the binaries: `<bin>/<os>/<arch>/<name>`. */
  binPath: string;
  /** Names of the only binaries to package; undefined means all. */
  only?: ReadonlySet<string> | undefined;
  /** `NAME=WHERE` words of `--base-image`. */
  baseImages?: readonly string[];
  /** Whether images from scratch are expected and need no warning; default false. */
  scratchExpected?: boolean;
  /** Compressing threads; default: the number of processors, at most {@linkcode MAX_THREADS}. */
  jobs?: number | undefined;
  /** Compression level of the tarballs; default {@linkcode archive.DEFAULT_LEVEL}. */
  compressionLevel?: CompressionLevel | undefined;
  /** Bytes that compressed blocks may take in the cache; default {@linkcode CACHE_LIMIT}. */
  cacheLimit?: number | undefined;
  /** Whether inputs that the checkout lacks (licenses, documents) are left out. Default: no. */
  allowMissing?: boolean;
  /** Whether image archives are all that is made: `build/release-images.sh`. Default: no. */
  imagesOnly?: boolean;
}

/** Everything that packaging will do. */
export interface PackagePlan {
  /** What was requested. */
  readonly options: Readonly<PackageOptions>;
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
  /** Files that the tarballs need and the checkout does not have; left out with `allowMissing`. */
  readonly missing: readonly MissingInput[];
}

/** A file of a release, where it is in the end. */
export interface PlannedArtifact {
  /** A small file next to the tarballs is "checksums". */
  readonly kind: Artifact["kind"] | "checksums";
  /** Path below the output root: `release-tars/kubernetes.tar.gz`. */
  readonly path: string;
  /** The image that an image archive is based on. */
  readonly base?: string;
  /** How many entries are staged for a tarball; 0 for the sources. */
  readonly entries?: number;
}

/** Every file that {@linkcode packageTarballs} leaves, apart from what it stages. */
export function plannedArtifacts(plan: PackagePlan): readonly PlannedArtifact[] {
  const { images, tarballs } = plan;
  const tars = "release-tars";
  return Object.freeze([
    ...images.map(({ base, path }): PlannedArtifact => {
      const image = { kind: "image", path: `release-images/${path}` } as const;
      return { kind: "image", path: publishedPath(plan, image), base };
    }),
    ...tarballs.map(({ name, entries }): PlannedArtifact => (
      { kind: "tarball", path: `${tars}/${name}`, entries: entries.length }
    )),
    ...plan.options.imagesOnly === true
      ? []
      : checksumFiles(tarballs.map(({ name }) => name)).map((name): PlannedArtifact => (
        { kind: "checksums", path: `${tars}/${name}` }
      )),
  ]);
}

/**
 * Where an artifact is in the end, below the output root: 1.7 has its image archives beside the
 * server's programs alone.
 */
export function publishedPath(
  { layout }: Pick<PackagePlan, "layout">,
  { kind, path }: Pick<Artifact, "kind" | "path">,
): string {
  if (kind !== "image" || layout.imagesDirectory) return path;
  const [arch = "", name = ""] = path.slice("release-images/".length).split("/");
  return `release-stage/server/linux-${arch}/kubernetes/server/bin/${name}`;
}

/**
 * Plans what {@linkcode packageTarballs} does. {@linkcode checkInputs} refuses a plan that lacks inputs.
 *
 * @throws {KbuildError} An image needs a program that is not packaged.
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
  const tarballs = options.imagesOnly === true ? [] : planRelease(checkout, layout, inputs);
  const images: ImagePlan[] = [];
  for (const platform of options.platforms.server) {
    images.push(
      ...await planImages(context, checkout, layout, {
        version: options.vars.gitVersion,
        arch: platform.slice(platform.lastIndexOf("/") + 1),
        names: imageNames(checkout, inputs),
        binPath: options.binPath,
        directoryImages: wantedDirectoryImages(context, checkout, layout, options),
      }),
    );
  }
  const whole = images.filter((image) => isPart(image, options));
  checkPrograms(whole, options);
  const given = await pinBases(context, parseBaseImages(options.baseImages ?? [], whole));
  const source = await planSource(context, layout, {
    clean: options.vars.gitTreeState === "clean",
  });
  return Object.freeze({
    ...{ options, layout, tarballs, bases: given, source },
    images: Object.freeze(whole),
    missing: await findMissing(context.root, { tarballs }),
  });
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

/** Bases of a Docker engine by their IDs: all images of a release have the same one. */
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
 * The images with directories of their own that are asked for (`KUBE_BUILD_CONFORMANCE`,
 * `KUBE_BUILD_HYPERKUBE`), where their binaries are part of the release.
 */
function wantedDirectoryImages(
  context: KubeContext,
  checkout: Checkout,
  layout: ReleaseLayout,
  options: PackageOptions,
): readonly DirectoryImage[] {
  return layout.directoryImages.filter(({ name, byDefault }) => {
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
