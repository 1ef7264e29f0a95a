import { join } from "@std/path";
import { listTree, packTarball, type Tarball, TEMPORARY_PREFIX } from "../archive/mod.ts";
import type { Checkout, PlatformSet } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import type { KubeContext } from "../lib/init.ts";
import type { VersionVars } from "../lib/version.ts";
import {
  baseFor,
  type BaseImages,
  type ImageArchive,
  type ImagePlan,
  parseBaseImages,
  planImages,
  writeImage,
} from "./images.ts";
import { readReleaseLayout, type ReleaseLayout } from "./layout.ts";
import {
  imageNames,
  planRelease,
  type ReleaseInputs,
  requiredBinaries,
  requiredInputs,
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
        conformance: wantsConformance(context, checkout, layout, options),
      }),
    );
  }
  const bases = parseBaseImages(options.baseImages ?? [], images);
  return Object.freeze({ layout, tarballs, images: Object.freeze(images), bases });
}

/** `KUBE_BUILD_CONFORMANCE`, where its binaries are part of the release. */
function wantsConformance(
  context: KubeContext,
  checkout: Checkout,
  layout: ReleaseLayout,
  options: PackageOptions,
): boolean {
  const wanted = context.env["KUBE_BUILD_CONFORMANCE"] || (layout.conformanceByDefault ? "y" : "n");
  if (!/[yY]/.test(wanted)) return false;
  const names = checkout.targets.conformanceImage.value.map((target) =>
    target.slice(target.lastIndexOf("/") + 1)
  );
  return options.only === undefined || names.every((name) => options.only?.has(name));
}

/**
 * Fails when inputs are missing, naming all of them at once. `present` are files that the caller
 * is still going to build.
 */
export async function checkInputs(
  context: KubeContext,
  plan: PackagePlan,
  options: PackageOptions & { checkBinaries: boolean },
): Promise<void> {
  await checkBases(plan.bases);
  const wanted = requiredInputs(plan.tarballs).map((path) => join(context.root, path));
  if (options.checkBinaries) wanted.push(...requiredBinaries(options.binPath, plan.tarballs));
  const missing: string[] = [];
  for (const path of wanted) {
    if (await Deno.lstat(path).catch(() => undefined) === undefined) missing.push(path);
  }
  if (missing.length === 0) return;
  const relative = missing.map((path) => path.slice(context.root.length + 1));
  const count = missing.length === 1 ? "1 input is" : `${missing.length} inputs are`;
  throw new KbuildError(`Cannot package this checkout: ${count} missing`, {
    output: relative.slice(0, 20).concat(relative.length > 20 ? ["…"] : []),
    notes: ["Build what is missing (`kbuild quick-release`), or restore it from git"],
  });
}

/** A base that is not there would be noticed only after the build. */
async function checkBases(bases: BaseImages): Promise<void> {
  for (const [name, where] of bases) {
    if (where === "scratch" || await Deno.stat(where).catch(() => undefined) !== undefined) {
      continue;
    }
    throw new KbuildError(`Cannot open base image "${where}": no such file or folder`, {
      notes: [`--base-image ${name}=WHERE takes an OCI layout folder, an archive or "scratch"`],
      exitCode: 2,
    });
  }
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
  await checkInputs(context, plan, { ...options, checkBinaries: true });
  warnAboutScratch(context, plan);

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
    const artifacts = await make(context, plan, options, { stage, tars, images });
    swapIn(work, context.outputRoot);
    return Object.freeze(artifacts.map((artifact) =>
      Object.freeze({
        ...artifact,
        path: artifact.path.replace(`${work}/`, `${context.outputRoot}/`)
          .slice(context.root.length + 1),
      })
    ));
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
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
  folders: { stage: string; tars: string; images: string },
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
function swapIn(work: string, outputRoot: string): void {
  for (const name of FOLDERS) {
    const place = join(outputRoot, name);
    try {
      Deno.renameSync(place, join(work, `old-${name}`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    Deno.renameSync(join(work, name), place);
  }
}
