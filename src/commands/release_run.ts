import { format as formatBytes } from "@std/fmt/bytes";
import { join, relative } from "@std/path";
import type { PlatformSet } from "../checkout/mod.ts";
import { headerFault } from "../audit/mod.ts";
import type { Globals } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { binaryName } from "../lib/golang/mod.ts";
import { checkOciLayout, probeOciLayout, writeOciLayout } from "../image/mod.ts";
import { gitCommand, type GitTree } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { checkNamedDirectory, checkReleaseReplaceable, SBOM_DIRECTORY } from "../lib/outputs.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { duration } from "../progress/mod.ts";
import { megabytesIn } from "../lib/util.ts";
import {
  ARCHIVE_ENV,
  type Artifact,
  checkInputs,
  describeMissing,
  packagedBinaries,
  type PackageOptions,
  type PackagePlan,
  packageTarballs,
  packageUnits,
  type PlannedArtifact,
  plannedArtifacts,
  preparePackage,
  programsOf,
  shareBlocks,
  SOURCE_TARBALL,
  withFetchedBases,
} from "../release/mod.ts";
import {
  type AskedBuild,
  chooseTargets,
  crossMatrix,
  planBuild,
  type PlannedBuild,
  plannedUnits,
  readStamp,
  runBuild,
  sayStamp,
  showBuild,
  type Stamp,
  treeOf,
} from "./build_run.ts";
import { planFetch, type WantedImage } from "../registry/mod.ts";
import { type BaseChoice, baseChoice, basesToFetch, fetchBases } from "./base_images.ts";
import { compressionLevelIn } from "./compression_level.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import type { AskedSboms, MadeSbom } from "./sbom_run.ts";
import { openStoreOf, sayStore } from "./open_store.ts";
import { sharedMode } from "./shared_results.ts";
import { shortDigest } from "./short_digest.ts";
import { shortPath } from "./short_path.ts";
import type { PlanStep } from "./plan_steps.ts";
import { existingBinPath, nothingBuilt } from "./existing_binaries.ts";
import { groupPlatforms } from "./platform_choice.ts";
import { withOutput } from "./with_output.ts";
import { ifPossible, ifPresent } from "../files/mod.ts";

/** What a release command asks for. */
export interface ReleaseRequest {
  readonly what: string;
  readonly jobs: number | undefined;
  readonly baseImages: readonly string[];
  /** Where other bases come from; undefined: what `KBUILD_BASES` says. */
  readonly bases: BaseChoice | undefined;
  /** Whether images from scratch need no warning; default false. */
  readonly scratchExpected?: boolean;
  /** Directory for an OCI layout of all images: absolute. */
  readonly ociLayout?: string;
  /** SBOMs and provenance that are made, too. */
  readonly sbom?: Omit<AskedSboms, "formats">;
  /** Whether what the checkout lacks is left out; default false. */
  readonly allowMissing?: boolean;
  /** Whether to build first; default true. */
  readonly build?: boolean;
  /** Whether images, and what is in them, are all that is made; default false. */
  readonly imagesOnly?: boolean;
  /** `KUBE_FASTBUILD` of the command; the environment's when undefined. */
  readonly fastbuild?: boolean;
}

/** A finished release. */
export interface ReleaseResult {
  readonly version: string;
  readonly artifacts: readonly Artifact[];
  /** Bytes of each artifact in the release that was there before, by path; none without one. */
  readonly sizesBefore: Readonly<Record<string, number>>;
  /** What the checkout lacks and the artifacts therefore do not hold, a line each. */
  readonly leftOut: readonly string[];
  /** SBOMs that were made with it. */
  readonly sboms: readonly MadeSbom[];
  /** Milliseconds. */
  readonly generateMs: number;
  readonly buildMs: number;
  readonly packageMs: number;
}

/** A release that can be made: nothing that it needs is missing. */
interface CheckedRelease {
  /** What is built first; undefined where the binaries are there. */
  readonly asked: AskedBuild | undefined;
  readonly stamp: Stamp;
  /** What git says of the checkout. */
  readonly tree: GitTree;
  /** Bases that are fetched before anything is built. */
  readonly bases: readonly WantedImage[];
  readonly plan: PackagePlan;
}

/** The same with the plan of its build: what is shown and what is carried out are this value. */
interface PreparedRelease extends CheckedRelease {
  readonly build: PlannedBuild | undefined;
}

/** Makes a release of an open checkout, and shows it. */
export async function makeRelease(
  command: CommandContext,
  open: OpenCheckout,
  request: ReleaseRequest,
): Promise<void> {
  showRelease(command, await releaseCheckout(command, open, request));
}

/** Sorts out a request, and says what is missing before anything is built. */
async function checkRelease(
  open: OpenCheckout,
  globals: Globals,
  request: ReleaseRequest,
): Promise<CheckedRelease> {
  const { context } = open;
  const { imagesOnly = false } = request;
  const asks = context.env[imagesOnly ? "KUBE_EXTRA_WHAT" : "WHAT"] ?? "";
  const { targets, goflags, named: isNamed } = await chooseTargets(open, [asks]);
  const named = isNamed && !imagesOnly;
  if (named) refuseUnreleased(open, targets);
  const tree = treeOf(open);
  const stamp = await readStamp(open, tree);
  // A variable beats quick-release's own setting, as it does with make on the command line.
  const fastbuild = globals.variables["KUBE_FASTBUILD"] === undefined
    ? request.fastbuild
    : globals.variables["KUBE_FASTBUILD"] === "true";
  const platforms = fastbuild === undefined
    ? groupPlatforms(open)
    : groupPlatforms(open, fastbuild);
  const build = request.build ?? true;
  const binPath = build ? context.releaseBinPath : await existingBinPath(open);
  const options: PackageOptions = {
    ...stamp,
    platforms: build ? platforms : await existingPlatforms(open, platforms, binPath),
    binPath,
    only: named ? new Set(targets.map(binaryName)) : undefined,
    baseImages: request.baseImages,
    scratchExpected: request.scratchExpected ?? false,
    jobs: request.jobs,
    compressionLevel: compressionLevelIn(context.env),
    cacheLimit: megabytesIn(context.env, "KBUILD_BLOCK_CACHE_MB"),
    allowMissing: request.allowMissing ?? false,
    imagesOnly,
  };
  const isEmpty = Object.values(options.platforms).every((list) => list.length === 0);
  if (!build && isEmpty && request.allowMissing !== true) {
    throw nothingBuilt(context, ["Package sources and manifests alone: --allow-missing"]);
  }
  const plan = await preparePackage(context, open.checkout, options);
  if (imagesOnly && !plan.layout.imagesDirectory) {
    throw new KbuildError(
      "Cannot make images alone: this checkout's releases have them in tarballs",
      {
        notes: ["Make them with the tarballs: kbuild quick-release"],
      },
    );
  }
  const basesToCome = baseChoice(context.env, request.bases) === "registry";
  await checkInputs(context, plan, { checkBinaries: !build, basesToCome });
  if (!build) await checkExisting(context, plan);
  const asked: AskedBuild = {
    matrix: imagesOnly
      ? imagesMatrix(open, plan, isNamed ? targets : [])
      : crossMatrix(open, platforms, named ? targets : undefined),
    goflags,
    binPath,
    jobs: request.jobs,
  };
  // A part of a release is not packaged.
  const bases = build && sharedMode(context.env).mode === "share"
    ? []
    : basesToFetch(context.env, plan, request.bases);
  return { asked: build ? asked : undefined, stamp, tree, bases, plan };
}

/**
 * Looks at the headers of binaries that are packaged as they are: an empty file, text and half a program are in no release.
 *
 * @throws {KbuildError} Some are not whole programs for their platform.
 */
async function checkExisting({ root }: KubeContext, plan: PackagePlan): Promise<void> {
  const { binPath } = plan.options;
  const wrong: string[] = [];
  for (const path of packagedBinaries(plan)) {
    const [os, arch] = relative(binPath, path).split("/");
    const fault = await headerFault(path, `${os}/${arch}`);
    if (fault !== undefined) wrong.push(`${shortPath(path, root)}: ${fault}`);
  }
  if (wrong.length === 0) return;
  const count = wrong.length === 1 ? "a binary is" : `${wrong.length} binaries are`;
  throw new KbuildError(`Cannot package: ${count} broken`, {
    output: wrong,
    notes: ["Build them again: kbuild quick-release, or kbuild cross"],
  });
}

/** What `build/release-images.sh` builds: programs of images, and KUBE_EXTRA_WHAT, for the platforms of images. */
function imagesMatrix(
  { checkout }: OpenCheckout,
  { images, options: { binPath, platforms } }: PackagePlan,
  more: readonly string[],
): AskedBuild["matrix"] {
  const programs = new Set(images.flatMap((image) => programsOf(image, binPath)));
  const { server, node, client, test, serverTest } = checkout.targets;
  const known = [server, node, client, test, serverTest].flatMap(({ value }) => value);
  const inImages = known.filter((target) => programs.has(binaryName(target)));
  const targets = [...new Set([...inImages, ...more])];
  return platforms.server.map((platform) => ({ platform, targets }));
}

/** Makes the plan of a release, with that of its build. */
export async function prepareRelease(
  open: OpenCheckout,
  globals: Globals,
  request: ReleaseRequest,
  fetching: { fetch: boolean },
): Promise<PreparedRelease> {
  const checked = await checkRelease(open, globals, request);
  const { asked, stamp, tree } = checked;
  const build = asked === undefined
    ? undefined
    : await planBuild(open, asked, () => Promise.resolve(stamp), { ...fetching, tree });
  return { ...checked, build };
}

/** @throws {UsageError} A target is in none of the groups that tarballs are made of. */
function refuseUnreleased({ checkout }: OpenCheckout, targets: readonly string[]): void {
  const { server, node, client, test, serverTest } = checkout.targets;
  const released = new Set([server, node, client, test, serverTest].flatMap(({ value }) => value));
  const others = targets.filter((target) => !released.has(target));
  if (others.length === 0) return;
  throw new UsageError(
    `Cannot make a release of "${others.join('", "')}": no tarball of this checkout holds it`,
    [`Build it alone: kbuild all ${others.join(" ")}`, "What tarballs hold: kbuild targets"],
  );
}

/** What a release would do. */
export async function planReleaseSteps(
  open: OpenCheckout,
  globals: Globals,
  request: ReleaseRequest,
): Promise<CommandPlan> {
  if (request.ociLayout !== undefined) {
    await checkOciLayout(request.ociLayout, ownershipContext(open.context));
    await checkNamedDirectory(open.context, request.ociLayout, "--oci-layout");
  }
  const prepared = await prepareRelease(open, globals, request, { fetch: false });
  warnAboutRequest(open.context, prepared);
  const { bases, build, plan, stamp } = prepared;
  if (build === undefined) sayStamp(open.context, stamp);
  const directory = open.context.outputRoot;
  const group = "release";
  const built = build === undefined ? undefined : showBuild(open.context, build);
  const steps = Object.freeze([
    ...planFetch(open.context, bases).map((fetch): PlanStep => (
      { group: "base images", kind: "fetch", ...fetch }
    )),
    ...built?.steps ?? [],
    ...request.imagesOnly === true ? [] : [
      { group, kind: "directory", path: join(directory, "release-stage") } as const,
      ...sourceSteps(open.context, plan),
    ],
    ...plannedArtifacts(plan).map((artifact) => artifactStep(group, directory, artifact)),
    ...request.ociLayout === undefined
      ? []
      : [{ group, kind: "directory", path: request.ociLayout } as const],
    ...request.sbom === undefined
      ? []
      : [{ group, kind: "directory", path: join(directory, SBOM_DIRECTORY) } as const],
  ]);
  const units = async () => {
    const { unitsOf } = await import("./planned_units.ts");
    return await unitsOf(open, { build, release: plan });
  };
  return Object.freeze({ steps, go: built?.go, units });
}

/** A clean checkout's sources are what git archives. */
function sourceSteps({ root, outputRoot }: KubeContext, { source }: PackagePlan): PlanStep[] {
  if (source.commit === undefined) return [];
  const packedInto = join(outputRoot, "release-tars", SOURCE_TARBALL);
  const argv = gitCommand(source.archive);
  const [group, env] = ["release", ARCHIVE_ENV];
  return [{ group, kind: "process", argv, cwd: root, env, packedInto }];
}

function artifactStep(group: string, directory: string, artifact: PlannedArtifact): PlanStep {
  const { kind, base = "scratch", entries = 0 } = artifact;
  const path = join(directory, artifact.path);
  if (kind === "image") return { group, kind, path, base };
  return kind === "tarball" ? { group, kind, path, entries } : { group, kind, path };
}

/** Makes a release of an open checkout. */
export async function releaseCheckout(
  command: CommandContext,
  open: OpenCheckout,
  request: ReleaseRequest,
): Promise<ReleaseResult> {
  const checked = async <T extends CheckedRelease>(
    { context }: OpenCheckout,
    release: () => Promise<T>,
  ): Promise<T> => {
    if (request.ociLayout !== undefined) {
      await probeOciLayout(request.ociLayout, ownershipContext(context));
      await checkNamedDirectory(context, request.ociLayout, "--oci-layout");
    }
    const found = await release();
    // Without a build, packaging asks this first of all.
    if (found.asked !== undefined) await checkReleaseReplaceable(context);
    return found;
  };
  return await withOutput(open, {
    what: request.what,
    check: (open) => checked(open, () => checkRelease(open, command.globals, request)),
    prepare: (open) =>
      checked(open, () => prepareRelease(open, command.globals, request, { fetch: true })),
    // Before anything is built: a registry that cannot be reached must not cost an hour.
    needs: ({ bases }) => bases,
    fetch: ({ context }, bases) => fetchBases(context, bases),
    work: async (open, prepared, fetched) => {
      warnAboutRequest(open.context, prepared);
      const { build, stamp } = prepared;
      open.context.log.events.announce([
        ...build === undefined ? [] : plannedUnits(build),
        ...packageUnits(prepared.plan),
      ]);
      if (build === undefined) sayStamp(open.context, stamp);
      using store = await openStoreOf(open.context);
      const { generateMs, buildMs, isShare } = build === undefined
        ? { generateMs: 0, buildMs: 0, isShare: false }
        : await runBuild(open, build, { store });
      if (isShare) {
        if (store !== undefined) sayStore(open.context, store);
        for (const spec of packageUnits(prepared.plan)) {
          open.context.log.events.unit(spec).reuse("kbuild gather makes it");
        }
        return Object.freeze({
          ...{ version: stamp.vars.gitVersion, artifacts: [], sizesBefore: {}, sboms: [] },
          ...{ leftOut: [], generateMs, buildMs, packageMs: 0 },
        });
      }
      const started = performance.now();
      const plan = withFetchedBases(prepared.plan, fetched);
      const sizesBefore = await sizesOf(open.context, plan);
      const artifacts = await packageTarballs(open.context, plan, {
        blocks: store === undefined ? undefined : shareBlocks(store),
      });
      if (store !== undefined) sayStore(open.context, store);
      if (request.ociLayout !== undefined) {
        await writeLayout(open.context, request.ociLayout, artifacts);
      }
      const packaged = performance.now();
      const sboms = request.sbom === undefined
        ? []
        : await describeRelease(open, build, { stamp, asked: request.sbom });
      return Object.freeze({
        version: stamp.vars.gitVersion,
        artifacts,
        sizesBefore,
        sboms,
        leftOut: describeMissing(plan.missing),
        generateMs,
        buildMs,
        packageMs: packaged - started,
      });
    },
  });
}

/** Makes SBOMs of what a release has just made, and of nothing that was there before. */
async function describeRelease(
  open: OpenCheckout,
  build: PlannedBuild | undefined,
  { stamp, asked }: { stamp: Stamp; asked: Omit<AskedSboms, "formats"> },
): Promise<readonly MadeSbom[]> {
  const { prepareSboms, writeSboms } = await import("./sbom_run.ts");
  const steps = build?.plan.platforms.flatMap(({ steps }) => steps);
  const only = steps?.flatMap(({ outputs }) => outputs.map(({ placed }) => placed));
  const prepared = await prepareSboms(open, {
    // A build has taken a Go already; packaging alone has not.
    ...{ fetch: true, packages: false, stamp },
    only: only === undefined ? undefined : new Set(only),
  });
  return await writeSboms(open, prepared, asked);
}

function warnAboutRequest(
  { log }: KubeContext,
  { plan: { options: { only } } }: CheckedRelease,
): void {
  if (only !== undefined) log.warn("This is a part of a release: it holds only", [...only]);
}

/** Puts all images of the release into one OCI layout. */
async function writeLayout(
  context: KubeContext,
  directory: string,
  artifacts: readonly Artifact[],
): Promise<void> {
  const { log, root, signal } = context;
  log.status(`Writing all images into "${directory}"`);
  const archives = artifacts.filter(({ kind }) => kind === "image").map(({ path }) =>
    join(root, path)
  );
  await writeOciLayout(directory, archives, {
    ownership: ownershipContext(context),
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Without a word about platforms, those that have binaries; the scripts take all and fail in `cp`.
 */
async function existingPlatforms(
  { context }: OpenCheckout,
  platforms: PlatformSet,
  binPath: string,
): Promise<PlatformSet> {
  const { env } = context;
  if (context.strictParity || env["KUBE_BUILD_PLATFORMS"] || env["KUBE_FASTBUILD"] === "true") {
    return platforms;
  }
  const filter = async (list: readonly string[]) => {
    const found = await Promise.all(
      list.map((platform) => ifPresent(Deno.stat(join(binPath, platform)))),
    );
    return list.filter((_, index) => found[index]?.isDirectory === true);
  };
  const [server, node, client, test, testServer] = await Promise.all(
    [platforms.server, platforms.node, platforms.client, platforms.test, platforms.testServer]
      .map(filter),
  );
  return {
    server: server ?? [],
    node: node ?? [],
    client: client ?? [],
    test: test ?? [],
    testServer: testServer ?? [],
  };
}

/** A release for programs, as `--json` prints it. */
export function releaseJson(
  { version, artifacts, leftOut, sboms, sizesBefore: _sizes, ...times }: ReleaseResult,
) {
  const made = sboms.length === 0 ? {} : { sboms };
  return { version, artifacts, leftOut, ...made, seconds: secondsOf(times) };
}

function secondsOf(
  { generateMs, buildMs, packageMs }: Pick<ReleaseResult, "generateMs" | "buildMs" | "packageMs">,
) {
  return { generate: generateMs / 1000, build: buildMs / 1000, package: packageMs / 1000 };
}

/** Bytes of the artifacts that are there now, by the path that they will have. */
async function sizesOf(
  { outputRoot, root }: KubeContext,
  plan: PackagePlan,
): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const { path } of plannedArtifacts(plan)) {
    const file = join(outputRoot, path);
    const info = await ifPossible(Deno.stat(file));
    if (info?.isFile === true) sizes[relative(root, file)] = info.size;
  }
  return sizes;
}

/** How much larger or smaller an artifact is than in the release before: `+1.2 kB`; "" for the same. */
function changeOf(
  { path, size }: Pick<Artifact, "path" | "size">,
  before: Readonly<Record<string, number>>,
): string {
  const last = before[path];
  if (last === undefined) return Object.keys(before).length === 0 ? "" : "new";
  return last === size ? "" : `${size > last ? "+" : "-"}${formatBytes(Math.abs(size - last))}`;
}

/** Shows every artifact with size and digest, and where the time went. */
export function showRelease(command: CommandContext, result: ReleaseResult): void {
  const { artifacts, leftOut, sboms, version } = result;
  command.logSummary();
  const seconds = secondsOf(result);
  if (command.globals.json) {
    return command.printJson(releaseJson(result));
  }
  if (artifacts.length === 0) {
    const took = (seconds.generate + seconds.build).toFixed(1);
    return command.print(`${version}: a part of it is in the store, after ${took} s`);
  }
  const changes = artifacts.map((artifact) => changeOf(artifact, result.sizesBefore));
  const isCompared = changes.some((change) => change !== "");
  const compared = (text: string) => isCompared ? [text] : [];
  const rows = artifacts.map((artifact, index) => [
    artifact.path,
    formatBytes(artifact.size),
    ...compared(changes[index] ?? ""),
    shortDigest(`sha256:${artifact.sha256}`),
  ]);
  command.printTable([["ARTIFACT", "SIZE", ...compared("CHANGE"), "DIGEST"], ...rows], {
    align: ["left", "right", ...isCompared ? ["right" as const] : []],
    cut: ["start"],
  });
  command.print("");
  if (leftOut.length > 0) command.print(`Left out: ${leftOut.join("; ")}\n`);
  if (sboms.length > 0) command.print(`SBOMs: ${sboms.length}, in ${SBOM_DIRECTORY}\n`);
  const total = seconds.generate + seconds.build + seconds.package;
  const slowest = [...artifacts].sort((a, b) => b.durationMs - a.durationMs)[0];
  const parts = Object.entries(seconds).filter(([, value]) => value > 0)
    .map(([name, value]) => `${name} ${duration(value * 1000)}`);
  const longest = slowest === undefined
    ? ""
    : `; longest: ${slowest.path.slice(slowest.path.lastIndexOf("/") + 1)} ${
      duration(slowest.durationMs)
    }`;
  command.print(`${version} in ${duration(total * 1000)}: ${parts.join(", ")}${longest}`);
}
