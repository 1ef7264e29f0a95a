import { join, relative } from "@std/path";
import { listTree, packTarball, type Tarball, TEMPORARY_PREFIX } from "../archive/mod.ts";
import type { Checkout, PlatformSet } from "../checkout/mod.ts";
import { binaryName } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { VersionVars } from "../lib/version.ts";
import { checkInputs, checkPrograms } from "./check_inputs.ts";
import {
  baseFor,
  type BaseImages,
  type ImageArchive,
  type ImagePlan,
  parseBaseImages,
  planImages,
  writeImage,
} from "./images.ts";
import { type FolderImage, readReleaseLayout, type ReleaseLayout } from "./layout.ts";
import { describeMissing, type MissingInput } from "./missing.ts";
import {
  imageNames,
  planRelease,
  type ReleaseInputs,
  SOURCE_TARBALL,
  type TarballPlan,
} from "./plan.ts";
import { type PackOptions, packSource } from "./source_tarball.ts";
import { fillStage, type StageRoots } from "./stage.ts";

/** What to package. */
export interface PackageOptions {
  vars: VersionVars & { gitVersion: string };
  /** Seconds since 1970: the time of every member and image. */
  epoch: number;
  platforms: PlatformSet;
  /** Folder of the binaries: `<bin>/<os>/<arch>/<name>`. */
  binPath: string;
  /** Names of the only binaries to package; undefined means all. */
  only?: ReadonlySet<string> | undefined;
  /** `NAME=WHERE` words of `--base-image`. */
  baseImages?: readonly string[];
  /** Compressing threads; default: the number of processors. */
  jobs?: number | undefined;
  /** Whether inputs that the checkout lacks (licenses, documents) are left out. Default: no. */
  allowMissing?: boolean;
}

/** One file of a finished release. */
export interface Artifact {
  readonly kind: "tarball" | "image";
  /** Path below the checkout: `_output/release-tars/kubernetes.tar.gz`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Of the tar inside a `.tar.gz`; of an image its id (digest of the configuration). */
  readonly contentDigest: string;
  /** Wall time in milliseconds that this file took. */
  readonly durationMs: number;
}

/** Everything that packaging will do. */
export interface PackagePlan {
  readonly layout: ReleaseLayout;
  readonly tarballs: readonly TarballPlan[];
  readonly images: readonly ImagePlan[];
  readonly bases: BaseImages;
}

/** Folders of a release below the output root, as upstream leaves them. */
const FOLDERS = ["release-stage", "release-tars", "release-images"] as const;

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
  checkPrograms(images, options);
  const bases = parseBaseImages(options.baseImages ?? [], images);
  return Object.freeze({ layout, tarballs, images: Object.freeze(images), bases });
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
      : [name];
    return options.only === undefined || binaries.every((binary) => options.only?.has(binary));
  });
}

/**
 * Port of `kube::release::package_tarballs`: stages and packs every tarball of the era and writes
 * the server images, without a daemon. The three folders `release-stage`, `release-tars` and
 * `release-images` are made aside and replace the old ones together when all is done.
 *
 * @throws {KbuildError} An input is missing or cannot be read; the output cannot be written.
 */
export async function packageTarballs(
  context: KubeContext,
  checkout: Checkout,
  options: PackageOptions,
): Promise<readonly Artifact[]> {
  const plan = await preparePackage(context, checkout, options);
  const missing = await checkInputs(context, plan, { ...options, checkBinaries: true });
  warnAboutMissing(context, missing);
  warnAboutScratch(context, plan);
  noteHyperkube(context, plan.layout);

  await Deno.mkdir(context.outputRoot, { recursive: true });
  const work = await Deno.makeTempDir({
    dir: context.outputRoot,
    prefix: `${TEMPORARY_PREFIX}release-`,
  });
  try {
    const [stage, tars, images] = FOLDERS.map((name) => join(work, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [stage, tars, images]) await Deno.mkdir(folder);
    const leftOut = new Set(missing.map(({ path }) => join(context.root, path)));
    const artifacts = await make(context, plan, options, { stage, tars, images, leftOut });
    const { imagesFolder } = plan.layout;
    swapIn(work, context.outputRoot, imagesFolder ? FOLDERS : FOLDERS.slice(0, 2));
    return Object.freeze(artifacts.flatMap((artifact) => {
      const path = imagesFolder || artifact.kind !== "image"
        ? artifact.path
        : stagedImage(stage, images, artifact.path);
      const published = path.replace(`${work}/`, `${context.outputRoot}/`);
      return Object.freeze({ ...artifact, path: published.slice(context.root.length + 1) });
    }));
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
}

/** Where 1.7 has its image archives: beside the server's programs alone. */
function stagedImage(stage: string, images: string, path: string): string {
  const [arch = "", name = ""] = relative(images, path).split("/");
  return join(stage, `server/linux-${arch}/kubernetes/server/bin`, name);
}

function warnAboutMissing(context: KubeContext, missing: readonly MissingInput[]): void {
  if (missing.length === 0) return;
  context.log.warn("This release leaves out what the checkout lacks:", describeMissing(missing));
}

/** 1.7 makes images of hyperkube when both variables are set, and leaves them in Docker. */
function noteHyperkube({ env, log }: KubeContext, { hyperkubeInDocker }: ReleaseLayout): void {
  if (hyperkubeInDocker && env["KUBE_DOCKER_IMAGE_TAG"] && env["KUBE_DOCKER_REGISTRY"]) {
    log.warn("No hyperkube images: upstream leaves them in a Docker daemon, and in no file");
  }
}

function warnAboutScratch(context: KubeContext, plan: PackagePlan): void {
  const bare = plan.images.filter(({ base }) => baseFor(plan.bases, base) === undefined);
  if (bare.length === 0) return;
  const bases = [...new Set(bare.map(({ base }) => base))];
  context.log.warn(`${bare.length} images are made from scratch, without their base images:`, [
    ...bases,
    "Give a base with --base-image NAME=DIR-OR-TAR",
  ]);
}

async function make(
  context: KubeContext,
  plan: PackagePlan,
  options: PackageOptions,
  folders: { stage: string; tars: string; images: string; leftOut: ReadonlySet<string> },
): Promise<Artifact[]> {
  const { log, signal } = context;
  const pack: PackOptions = {
    mtime: options.epoch,
    jobs: options.jobs ?? navigator.hardwareConcurrency,
    signal,
  };
  const artifacts: Artifact[] = [];
  const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
    signal?.throwIfAborted();
    const started = performance.now();
    const result = await work();
    return [result, performance.now() - started];
  };

  for (const image of plan.images) {
    log.status(`Building image: ${image.name}-${image.arch}`);
    await Deno.mkdir(join(folders.images, image.arch), { recursive: true });
    const [written, durationMs] = await timed(() =>
      writeImage(image, {
        folder: folders.images,
        bases: plan.bases,
        created: options.epoch,
        signal,
      })
    );
    artifacts.push(imageArtifact(written, durationMs));
  }
  const roots: StageRoots = {
    root: context.root,
    binPath: options.binPath,
    tars: folders.tars,
    images: folders.images,
    leftOut: folders.leftOut,
  };
  for (const tarball of plan.tarballs) {
    log.status(`Building tarball: ${tarball.title}`);
    const [packed, durationMs] = await timed(() =>
      packOne(context, plan.layout, tarball, { ...options, pack, roots, stage: folders.stage })
    );
    artifacts.push(Object.freeze({
      kind: "tarball",
      path: packed.path,
      size: packed.size,
      sha256: packed.sha256,
      contentDigest: packed.tarSha256,
      durationMs,
    }));
  }
  return artifacts;
}

function imageArtifact(image: ImageArchive, durationMs: number): Artifact {
  const { path, size, sha256, imageId } = image;
  return Object.freeze({
    kind: "image",
    path,
    size,
    sha256,
    contentDigest: imageId.replace(/^sha256:/, ""),
    durationMs,
  });
}

async function packOne(
  context: KubeContext,
  layout: ReleaseLayout,
  plan: TarballPlan,
  options: PackageOptions & { pack: PackOptions; roots: StageRoots; stage: string },
): Promise<Tarball> {
  const { pack, roots } = options;
  const out = join(roots.tars, plan.name);
  if (plan.name === SOURCE_TARBALL) {
    const clean = options.vars.gitTreeState === "clean";
    return await packSource(context, layout, out, { ...pack, clean });
  }
  const folder = join(options.stage, plan.stage ?? "");
  await fillStage(plan, folder, roots);
  const entries = await listTree(join(folder, "kubernetes"), {
    prefix: "kubernetes",
    mtime: pack.mtime,
  });
  const { jobs, signal } = pack;
  return await packTarball(entries, out, { jobs, ...(signal === undefined ? {} : { signal }) });
}

/**
 * Puts the new folders in place of the old ones. Synchronous: nothing but a kill can come between
 * the renames. What was there before goes into the work folder, which the caller removes.
 */
function swapIn(work: string, outputRoot: string, folders: readonly string[]): void {
  for (const name of folders) {
    const place = join(outputRoot, name);
    try {
      Deno.renameSync(place, join(work, `old-${name}`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    Deno.renameSync(join(work, name), place);
  }
}
