import { join, relative } from "@std/path";
import { ifPossible, temporaryName, WorkDirectory } from "../files/mod.ts";
import {
  cachingDeflater,
  type CompressionLevel,
  createDeflater,
  createHasher,
  DEFAULT_LEVEL,
  deflateFormat,
  openBlockCache,
  trimCache,
} from "../archive/mod.ts";
import type { Unit, UnitSpec } from "../events/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  checkInOutputs,
  checkReleaseReplaceable,
  claimOutputs,
  RELEASE_DIRECTORIES,
} from "../lib/outputs.ts";
import { type Artifact, type Provenance, writeChecksums } from "./artifact.ts";
import { checkBuilt } from "./check_inputs.ts";
import { runGraph, type Task } from "./graph.ts";
import { Identifier, type Identity } from "./identity.ts";
import { baseFor } from "./images.ts";
import {
  imageJob,
  type Job,
  type JobOptions,
  type ReleaseDirectories,
  sourceJob,
  tarballJob,
  type Threads,
} from "./jobs.ts";
import type { ReleaseLayout } from "./layout.ts";
import { withMd5Tags } from "./md5_tags.ts";
import { OpenBases } from "./open_bases.ts";
import { describeMissing, type MissingInput } from "./missing.ts";
import { type PackagePlan, publishedPath } from "./prepare.ts";
import type { SharedBlocks } from "./shared_blocks.ts";
import { readRecord, type ReleaseRecord, writeRecord } from "./record.ts";
import { sharedStage, SOURCE_TARBALL } from "./plan.ts";

/** Directories of a release below the output root, as upstream leaves them. */
const DIRECTORIES = RELEASE_DIRECTORIES;

/** Directory below the output root for compressed blocks and the record of the last run. */
const CACHE_DIRECTORY = ".kbuild-cache";

/**
 * Threads that compress. The thread that reads, hashes and writes is the slower part from four on,
 * and each takes some 25 MB.
 */
export const MAX_THREADS = 4;

/** Artifacts under way at once: while one waits for a file, another has blocks to compress. */
const CONCURRENCY = 2;

/** Bytes that the cache keeps: a release for all platforms has about 3 GB of compressed blocks. */
export const CACHE_LIMIT: number = 4 * 2 ** 30;

/** What is not written down before this many milliseconds have passed could change unseen. */
const CLOCK_TICK = 50;
/** The same on file systems that count whole seconds, or two. */
const COARSE_CLOCK_TICK = 2000;

/**
 * Port of `kube::release::package_tarballs`: stages and packs every tarball of the era and writes
 * the server images, without a daemon. The three directories `release-stage`, `release-tars` and
 * `release-images` are made aside and replace the old ones together when all is done; with `imagesOnly` the last one alone.
 *
 * Nothing is made twice: artifacts whose inputs and outputs are as the last run left them are taken
 * over, and compressed blocks come from a cache. When nothing changed at all, nothing is written.
 *
 * @param options.blocks Compressed blocks of other machines; default: those of this output directory alone.
 * @throws {KbuildError} An input is missing or cannot be read; the output cannot be written.
 */
export async function packageTarballs(
  context: KubeContext,
  planned: PackagePlan,
  { blocks }: { blocks?: SharedBlocks | undefined } = {},
): Promise<readonly Artifact[]> {
  const { missing, options } = planned;
  await claimOutputs(context);
  await checkBuilt(context, planned);
  const plan = await withMd5Tags(planned, planned.options.binPath);
  warnAboutMissing(context, missing);
  warnAboutScratch(context, plan);
  noteHyperkube(context, plan.layout);
  const provenance = provenanceOf(plan);
  const about = JSON.stringify(provenance);

  const cache = join(context.outputRoot, CACHE_DIRECTORY);
  const leftOut = new Set(missing.map(({ path }) => join(context.root, path)));
  const record = await readRecord(cache);
  await using bases = new OpenBases(plan.bases, { shell: context.shell });
  const level = options.compressionLevel ?? DEFAULT_LEVEL;
  const jobs = planJobs(context, plan, { leftOut, level, bases });
  const started = Date.now();
  // Before anything is staged: that makes links, which change the status of what is linked.
  const before = new Map(jobs.map((job) => [job.path, job.identify()]));
  const isWhole = options.imagesOnly !== true;
  if (isWhole && record !== undefined && record.outputs === outputsOf(context, about)) {
    const artifacts = upToDate(jobs, before, record);
    if (artifacts !== undefined) {
      for (const job of jobs) unitOf(context, job).reuse(UNCHANGED);
      context.log.status("Nothing changed since these artifacts were made");
      return published(context, plan, artifacts);
    }
  }

  await checkReleaseReplaceable(context);
  await checkInOutputs(context, [cache]);
  if (plan.source.commit === undefined && plan.source.note) context.log.warn(plan.source.note);
  const artifacts = await makeRelease(context, plan, jobs, {
    ...{ provenance, level, cache, before, last: record, blocks },
  });
  await blocks?.settle();
  const kept = isWhole ? {} : record?.made ?? {};
  await remember(context, plan, cache, { jobs, artifacts, before, started, about, kept });
  await trimBlocks(context, options.cacheLimit);
  return published(context, plan, artifacts);
}

/** Options of {@linkcode openThreads}. */
export interface OpenThreadsOptions {
  /** Default {@linkcode DEFAULT_LEVEL}. */
  level?: CompressionLevel | undefined;
  /** Threads that compress; default: as many as processors, {@linkcode MAX_THREADS} at most. */
  jobs?: number | undefined;
  /** Compressed blocks of other machines; default: none. */
  blocks?: SharedBlocks | undefined;
}

/**
 * Starts what compresses and hashes for artifacts of a checkout. Compressed blocks come from the cache in
 * its output directory, and go there. To be closed at the end, both of them.
 */
export function openThreads(
  { outputRoot }: Pick<KubeContext, "outputRoot">,
  { level = DEFAULT_LEVEL, jobs = navigator.hardwareConcurrency, blocks }: OpenThreadsOptions = {},
): Threads {
  const most = Math.min(jobs, MAX_THREADS);
  const format = deflateFormat(level);
  const local = openBlockCache(join(outputRoot, CACHE_DIRECTORY, format));
  const cache = blocks?.before(local, format) ?? local;
  return Object.freeze({
    deflater: cachingDeflater(createDeflater({ level, jobs: most }), cache),
    hasher: createHasher(Math.min(most, CONCURRENCY)),
  });
}

/**
 * Removes the least recently used compressed blocks of a checkout. If that fails, it is a warning.
 *
 * @param limit Bytes that may stay; default {@linkcode CACHE_LIMIT}.
 */
export async function trimBlocks(
  { log, outputRoot }: Pick<KubeContext, "log" | "outputRoot">,
  limit: number = CACHE_LIMIT,
): Promise<void> {
  const cache = join(outputRoot, CACHE_DIRECTORY);
  await trimCache(cache, limit).catch((error: unknown) => {
    log.warn("Cannot keep the cache of compressed blocks small", [
      error instanceof Error ? error.message : String(error),
      `Remove "${cache}" when it is too large`,
    ]);
  });
}

/** Makes all artifacts aside, and gives them the places of the old ones. */
async function makeRelease(
  context: KubeContext,
  plan: PackagePlan,
  jobs: readonly Job[],
  making: Pick<MakeOptions, "before" | "last"> & {
    provenance: Provenance;
    level: CompressionLevel;
    cache: string;
    blocks: SharedBlocks | undefined;
  },
): Promise<readonly Artifact[]> {
  const { before, blocks, cache, last, level, provenance } = making;
  const { epoch, vars, jobs: threadCount } = plan.options;
  const { outputRoot, signal } = context;
  await Deno.mkdir(outputRoot, { recursive: true });
  await using work = await WorkDirectory.make(temporaryName(cache));
  const threads = openThreads(context, { level, jobs: threadCount, blocks });
  let artifacts: readonly Artifact[];
  try {
    artifacts = await makeAll(context, plan, jobs, { work: work.path, threads, before, last });
  } finally {
    threads.deflater.close();
    threads.hasher.close();
  }
  const { imagesOnly = false } = plan.options;
  if (!imagesOnly) {
    await writeChecksums(join(work.path, "release-tars"), published(undefined, plan, artifacts), {
      version: vars.gitVersion,
      epoch,
      provenance,
    });
  }
  await checkReleaseReplaceable(context);
  signal?.throwIfAborted();
  const names = imagesOnly
    ? DIRECTORIES.slice(2)
    : plan.layout.imagesDirectory
    ? DIRECTORIES
    : DIRECTORIES.slice(0, 2);
  await work.replace(Object.fromEntries(names.map((name) => [name, join(outputRoot, name)])));
  return artifacts;
}

/** The jobs of a release, each after those that it needs. */
function planJobs(
  context: KubeContext,
  plan: PackagePlan,
  { bases, leftOut, level }: {
    leftOut: ReadonlySet<string>;
    level: CompressionLevel;
    bases: OpenBases;
  },
): readonly Job[] {
  const { epoch, binPath } = plan.options;
  const shared: JobOptions = { context, epoch, binPath, leftOut, level };
  return Object.freeze([
    ...plan.images.map((image) => imageJob(image, bases, shared)),
    ...plan.tarballs.map((tarball) =>
      tarball.name === SOURCE_TARBALL
        ? sourceJob(plan.source, shared)
        : tarballJob(tarball, shared, sharedStage(plan.tarballs, tarball))
    ),
  ]);
}

/** The artifacts of the last run, if each would be made from the same things again. */
function upToDate(
  jobs: readonly Job[],
  before: ReadonlyMap<string, Identity>,
  record: ReleaseRecord,
): readonly Artifact[] | undefined {
  const results = new Map<string, Artifact>();
  if (Object.keys(record.made).length !== jobs.length) return undefined;
  for (const job of jobs) {
    const made = record.made[job.path];
    if (made === undefined || made.inputs !== inputsOf(job, before, results)) return undefined;
    results.set(job.path, reused(made.artifact));
  }
  return [...results.values()];
}

/** What an artifact is made from: files by their identities, other artifacts by their digests. */
function inputsOf(
  job: Job,
  identities: ReadonlyMap<string, Identity>,
  results: ReadonlyMap<string, Artifact>,
): string {
  const needs = job.needs.map((path) => results.get(path)?.sha256 ?? "");
  return [identities.get(job.path)!.strict, ...needs].join(" ");
}

function reused(artifact: Artifact): Artifact {
  return Object.freeze({ ...artifact, durationMs: 0, reused: true });
}

interface MakeOptions {
  readonly work: string;
  readonly threads: Threads;
  /** The files that each artifact is made from. */
  readonly before: ReadonlyMap<string, Identity>;
  /** What the last run made. */
  readonly last: ReleaseRecord | undefined;
}

/** Makes or takes over every artifact, in the directories of the work directory. */
async function makeAll(
  context: KubeContext,
  plan: PackagePlan,
  jobs: readonly Job[],
  { work, threads, before, last }: MakeOptions,
): Promise<readonly Artifact[]> {
  const { log, outputRoot } = context;
  const [stage, tars, images] = DIRECTORIES.map((name) => join(work, name)) as [
    string,
    string,
    string,
  ];
  const directories: ReleaseDirectories = { stage, tars, images };
  for (const directory of [stage, tars, images]) await Deno.mkdir(directory);
  const tasks = jobs.map((job): Task<Artifact> => {
    const unit = unitOf(context, job);
    const make = async (results: ReadonlyMap<string, Artifact>, signal: AbortSignal) => {
      await job.stage?.(directories, signal);
      const known = last?.made[job.path];
      if (known !== undefined && known.inputs === inputsOf(job, before, results)) {
        const from = join(outputRoot, publishedPath(plan, known.artifact));
        const isAsLeft = outputOf(from) === known.output;
        if (isAsLeft && await linkInto(from, join(work, job.path))) {
          unit.reuse(UNCHANGED);
          return reused(known.artifact);
        }
      }
      log.status(job.title);
      const started = performance.now();
      const made = await job.make(directories, threads, signal);
      return Object.freeze({
        kind: job.kind,
        path: job.path,
        platform: job.platform,
        ...made,
        durationMs: performance.now() - started,
        reused: false,
      });
    };
    return {
      name: job.path,
      needs: job.needs,
      run: (results, signal) => unit.run(() => make(results, signal), signal),
    };
  });
  // The sources first: node and server tarballs wait for them, and images leave the threads idle.
  const isSource = ({ name }: Task<Artifact>) => name.endsWith(SOURCE_TARBALL) ? 0 : 1;
  const made = await runGraph([...tasks].sort((a, b) => isSource(a) - isSource(b)), {
    limit: CONCURRENCY,
    signal: context.signal,
  });
  return Object.freeze(jobs.map(({ path }) => made.get(path)!));
}

/** Why an artifact is not made again. */
const UNCHANGED = "it would be made from the same files";

/** The units of a release, as {@linkcode packageTarballs} reports them. */
export function packageUnits({ images, tarballs }: PackagePlan): readonly UnitSpec[] {
  return [
    ...images.map(({ arch, path }) => (
      artifactUnit({ kind: "image", path: `release-images/${path}`, platform: `linux/${arch}` })
    )),
    ...tarballs.map(({ name }) => (
      artifactUnit({ kind: "tarball", path: `release-tars/${name}`, platform: null })
    )),
  ];
}

/** What is shown of an artifact: `kube-proxy for linux/amd64`, `kubernetes-client-linux-amd64.tar.gz`. */
function unitOf({ log }: KubeContext, job: Job): Unit {
  return log.events.unit(artifactUnit(job));
}

/** The unit of an artifact. */
export function artifactUnit(
  { kind, path, platform }: Pick<Artifact, "kind" | "path" | "platform">,
): UnitSpec {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const name = kind === "image" ? `${file.replace(/\.tar$/, "")} for ${platform}` : file;
  return { kind: kind === "image" ? kind : "tarball", name };
}

/** @returns Whether the file system allowed it. */
async function linkInto(from: string, to: string): Promise<boolean> {
  await Deno.mkdir(join(to, ".."), { recursive: true });
  return await ifPossible(Deno.link(from, to).then(() => true)) ?? false;
}

/** Writes down what was made from what, as far as nothing can have changed meanwhile. */
async function remember(
  context: KubeContext,
  plan: PackagePlan,
  cache: string,
  run: {
    jobs: readonly Job[];
    artifacts: readonly Artifact[];
    before: ReadonlyMap<string, Identity>;
    started: number;
    about: string;
    /** Of other artifacts, which stay as they are. */
    kept: ReleaseRecord["made"];
  },
): Promise<void> {
  const results = new Map(run.artifacts.map((artifact) => [artifact.path, artifact]));
  // Hard links into the stage change the status of a binary, and nothing else.
  const after = new Map(run.jobs.map((job) => [job.path, job.identify()]));
  const made: Record<string, ReleaseRecord["made"][string]> = { ...run.kept };
  for (const job of run.jobs) {
    const artifact = results.get(job.path)!;
    const before = run.before.get(job.path)!;
    const now = after.get(job.path)!;
    const sure = now.lenient === before.lenient && isSettled(before.newest, run.started);
    const output = outputOf(join(context.outputRoot, publishedPath(plan, artifact)));
    made[job.path] = { artifact, output, inputs: sure ? inputsOf(job, after, results) : "" };
  }
  await writeRecord(cache, { outputs: outputsOf(context, run.about), made });
}

/** Whether a file of that time cannot have been written again without its time having changed. */
function isSettled(newest: number, started: number): boolean {
  return newest + (newest % 1000 === 0 ? COARSE_CLOCK_TICK : CLOCK_TICK) < started;
}

/** The identity of the three directories as they are now. */
function outputsOf({ outputRoot }: KubeContext, about: string): string {
  const outputs = new Identifier();
  outputs.text(about);
  for (const name of DIRECTORIES) outputs.tree(name, join(outputRoot, name));
  return outputs.done().strict;
}

/** The identity of one artifact. */
function outputOf(path: string): string {
  const output = new Identifier();
  output.file("", path);
  return output.done().strict;
}

/** The artifacts with paths below the checkout (the output root without a context), and names of images. */
function published(
  context: KubeContext | undefined,
  plan: PackagePlan,
  artifacts: readonly Artifact[],
): readonly Artifact[] {
  const above = context === undefined ? "" : relative(context.root, context.outputRoot);
  const names = new Map(plan.images.map(({ path, repoTags }) => [path, repoTags]));
  return Object.freeze(
    artifacts.map((artifact) => {
      const repoTags = names.get(artifact.path.slice("release-images/".length));
      return Object.freeze({
        ...artifact,
        path: join(above, publishedPath(plan, artifact)),
        ...(artifact.kind === "tarball" || repoTags === undefined ? {} : { repoTags }),
      });
    }),
  );
}

/** Where version and time are from, and what is packed or left out otherwise than expected. */
function provenanceOf({ bases, images, missing, options, source }: PackagePlan): Provenance {
  const { provenance } = options;
  const bare = images.filter(({ base }) => baseFor(bases, base) === undefined);
  const notes = [
    ...provenance?.notes ?? [],
    ...(source.commit === undefined && source.note ? [source.note] : []),
    ...describeMissing(missing).map((what) => `Left out, because the checkout lacks it: ${what}`),
    ...new Set(bare.map(({ base }) => `Images are made from scratch, without their base ${base}`)),
  ];
  const { version = "git", time = "commit" } = provenance ?? {};
  return Object.freeze({ version, time, notes: Object.freeze(notes) });
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
  if (plan.options.scratchExpected === true) {
    return context.log.status("Making images from scratch, without base images");
  }
  const bases = [...new Set(bare.map(({ base }) => base))];
  context.log.warn("Images are made from scratch, without their base images:", [
    ...bases,
    "Give a base with --base-image NAME=DIR-OR-TAR, or take them all with --bases registry",
  ]);
}
