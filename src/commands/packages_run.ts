import { format as formatBytes } from "@std/fmt/bytes";
import { join, resolve } from "@std/path";
import { isStampedProgram, programFaults, scanFile } from "../audit/mod.ts";
import { DEFAULT_LEVEL, deflateFormat } from "../archive/mod.ts";
import { type Input, splitList } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { entriesOf, ifPresent, temporaryName, WorkDirectory } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { checkInOutputs, checkNamedDirectory, PACKAGES_DIRECTORY } from "../lib/outputs.ts";
import { megabytesIn } from "../lib/util.ts";
import {
  checkMaintainer,
  checkSigning,
  checkSigningKey,
  gpgSigner,
  isPackagePlatform,
  type LeftOutPackage,
  openPackageKeys,
  PACKAGE_FORMATS,
  PACKAGE_NAMES,
  type PackageArchive,
  type PackageFormat,
  type PackageKeys,
  type PackageName,
  type PackagesPlan,
  parseRpmArch,
  placePackages,
  preparePackages,
  readProgramTarball,
  repositoryFiles,
  revisionFault,
  signatureFiles,
  wantedTarballs,
  type WrittenPackage,
} from "../packages/mod.ts";
import { openThreads, shareBlocks, trimBlocks } from "../release/mod.ts";
import { openStoreOf, sayStore } from "./open_store.ts";
import { readStamp, sayStamp, type Stamp } from "./build_run.ts";
import { tarballFaults } from "./check_programs.ts";
import { compressionLevelIn } from "./compression_level.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { existingBinPath, nothingBuilt } from "./existing_binaries.ts";
import { inDirectory } from "./in_directory.ts";
import type { PlanStep } from "./plan_steps.ts";
import type { KeyedPackage } from "./planned_units.ts";
import { packageUnit, sharePackage } from "./shared_packages.ts";
import { shortDigest } from "./short_digest.ts";
import { shortPath } from "./short_path.ts";
import {
  fetchPrograms,
  type PlannedProgram,
  planPrograms,
  programKey,
  programSteps,
  type ProgramsWanted,
  programTarballs,
} from "./published_programs.ts";
import { withOutput } from "./with_output.ts";

/** A request for packages, as it was typed. */
interface AskedPackages {
  readonly formats: readonly PackageFormat[];
  readonly names: readonly PackageName[] | undefined;
  /** Absolute. */
  readonly tarballs: readonly string[];
  /** Absolute path of the lock file that was named. */
  readonly lockFile: string | undefined;
  readonly revision: string | undefined;
  readonly maintainer: string | undefined;
  readonly repository: boolean;
  /** Key of the user's gpg. */
  readonly sign: string | undefined;
  /** Platforms that were named; undefined: what the environment says. */
  readonly platforms?: readonly string[];
  /** What a user may not expect of the request, a sentence each. */
  readonly notes?: readonly string[];
  /** Whether the directory is one of rpms alone, with directories of architectures. */
  readonly rpmsAlone?: boolean;
  /** Absolute. */
  readonly to: string | undefined;
  readonly jobs: number | undefined;
}

/** Packages that can be made: nothing that they need is missing. */
interface PreparedPackages {
  readonly stamp: Stamp;
  readonly plan: PackagesPlan;
  /** Absolute. */
  readonly directory: string;
  /** Platforms that were asked for and cannot have packages. */
  readonly skipped: readonly string[];
}

/** What `--json` prints of a package. */
interface MadePackage extends PackageArchive {
  readonly name: string;
  readonly format: PackageFormat;
  readonly version: string;
  readonly platform: string;
}

/** `kbuild packages`: makes the packages of the checkout around, and shows them. */
export async function makePackages(command: CommandContext, input: Input): Promise<void> {
  await make(command, parseRequest(command, input));
}

/** What {@linkcode makePackages} would do. */
export async function planPackageSteps(
  command: CommandContext,
  input: Input,
): Promise<CommandPlan> {
  return await plan(command, parseRequest(command, input));
}

/** `kbuild rpm`: makes rpms and repositories, and shows them. */
export async function makeRpms(command: CommandContext, input: Input): Promise<void> {
  await make(command, parseRpmRequest(command, input));
}

/** What {@linkcode makeRpms} would do. */
export async function planRpmSteps(command: CommandContext, input: Input): Promise<CommandPlan> {
  return await plan(command, parseRpmRequest(command, input));
}

async function make(command: CommandContext, asked: AskedPackages): Promise<void> {
  const open = await command.open();
  const wanted = { areNamed: asked.names !== undefined, reasons: new Map<string, string>() };
  const planned = await planProgramsOf(open, asked, wanted);
  // A wrong request is refused before anything is fetched.
  if (planned.some(({ isThere }) => !isThere)) await prepare(open, asked, planned);
  const programs = await fetchPrograms(open.context, planned, wanted);
  const { made, leftOut, root } = await withOutput(open, {
    what: command.name,
    check: (open) => prepare(open, asked, programs),
    prepare: (open) => prepare(open, asked, programs),
    needs: () => undefined,
    fetch: () => Promise.resolve(undefined),
    work: async (open, prepared) => ({
      made: await writeAll(open.context, prepared, asked),
      leftOut: leftOutOf(prepared, wanted.reasons),
      root: open.context.root,
    }),
  });
  command.logSummary();
  const shown = made.map((each) => ({ ...each, path: shortPath(each.path, root) }));
  if (command.globals.json) return command.printJson({ packages: shown, leftOut });
  const rows = shown.map(({ path, size, sha256 }) => [
    ...[path, formatBytes(size), shortDigest(`sha256:${sha256}`)],
  ]);
  command.printTable([["PACKAGE", "SIZE", "DIGEST"], ...rows], {
    align: ["left", "right"],
    cut: ["start", undefined, "end"],
  });
  for (const each of leftOut) command.print(leftOutWords(each));
}

/** What was left out, and why. */
function leftOutOf(
  { plan, skipped }: Pick<PreparedPackages, "plan" | "skipped">,
  reasons: ReadonlyMap<string, string>,
): readonly LeftOutPackage[] {
  return Object.freeze([
    ...skipped.map((platform) => ({ platform, reason: "there are no packages for it" })),
    ...plan.leftOut.map(({ name, platform, reason }) =>
      Object.freeze({
        ...{ name, platform },
        reason: reasons.get(programKey(name ?? "", platform)) ?? reason,
      })
    ),
  ]);
}

/** `Left out: cri-tools for linux/amd64: …` */
function leftOutWords({ name, platform, reason }: LeftOutPackage): string {
  return `Left out: ${name === undefined ? platform : `${name} for ${platform}`}: ${reason}`;
}

async function plan(command: CommandContext, asked: AskedPackages): Promise<CommandPlan> {
  const open = await command.open();
  const wanted = { areNamed: asked.names !== undefined, reasons: new Map<string, string>() };
  const programs = await planProgramsOf(open, asked, wanted);
  const prepared = await prepare(open, asked, programs);
  sayPrepared(open.context, prepared);
  for (const each of leftOutOf(prepared, wanted.reasons)) {
    open.context.log.status(leftOutWords(each));
  }
  const steps = prepared.plan.packages.map(({ path, platform, programs, tarball }): PlanStep => ({
    group: platform,
    kind: "package",
    path: join(prepared.directory, path),
    programs: tarball === undefined ? Object.values(programs) : [tarball.path],
  }));
  const indices = indexPaths(prepared, asked);
  const units = async () => {
    const [{ unitsOf }, keyed] = await Promise.all([
      import("./planned_units.ts"),
      keyedPackages(open.context, prepared, asked),
    ]);
    return await unitsOf(open, { packages: keyed });
  };
  return Object.freeze({
    units,
    steps: Object.freeze([
      ...programSteps(programs),
      ...steps,
      ...indices.map((path): PlanStep => ({ group: "repository", kind: "checksums", path })),
    ]),
  });
}

/** How the keys of the packages of a run are found. */
function packageKeysOf(
  { env, signal }: KubeContext,
  { sign }: Pick<AskedPackages, "sign">,
): PackageKeys {
  const format = deflateFormat(compressionLevelIn(env) ?? DEFAULT_LEVEL);
  return openPackageKeys({ format, isSigned: sign !== undefined, signal });
}

/** The packages of a plan with their keys. */
async function keyedPackages(
  context: KubeContext,
  { plan: { packages }, directory }: Pick<PreparedPackages, "plan" | "directory">,
  asked: AskedPackages,
): Promise<readonly KeyedPackage[]> {
  const keys = packageKeysOf(context, asked);
  const keyed: KeyedPackage[] = [];
  for (const planned of packages) {
    const { path, platform } = planned;
    const { key, why } = await keys.keyOf(planned);
    keyed.push({ unit: packageUnit(planned), path: join(directory, path), platform, key, why });
  }
  return keyed;
}

/** Absolute paths of the indices over planned packages. */
function indexPaths(
  { plan, directory }: Pick<PreparedPackages, "plan" | "directory">,
  { repository, sign }: Pick<AskedPackages, "repository" | "sign">,
): readonly string[] {
  if (!repository) return [];
  const paths = plan.packages.flatMap(({ path, description: { format } }) =>
    [...repositoryFiles(format), ...(sign === undefined ? [] : signatureFiles(format))]
      .map((name) => join(directory, path, "..", name))
  );
  return [...new Set(paths)];
}

/**
 * @throws {KbuildError} There is no such key, or an index or a signature of an earlier run would no longer be right.
 */
async function checkIndices(
  { shell }: KubeContext,
  { plan, directory }: Pick<PreparedPackages, "plan" | "directory">,
  { repository, sign }: AskedPackages,
): Promise<void> {
  if (sign !== undefined) return await checkSigningKey(shell, sign);
  const directories = new Map(plan.packages.map(({ path, description: { format } }) => (
    [join(directory, path, ".."), format] as const
  )));
  for (const [place, format] of directories) {
    const find = async (names: readonly string[]) => {
      const paths = names.map((name) => join(place, name));
      const found = await Promise.all(paths.map((path) => ifPresent(Deno.lstat(path))));
      return paths.find((_, index) => found[index] !== undefined);
    };
    const signature = await find(signatureFiles(format));
    if (repository && signature !== undefined) {
      throw new KbuildError(
        `Cannot make a new index beside "${signature}", which signs the old one`,
        {
          notes: ["Sign again: --sign KEY", "Or remove the signature"],
        },
      );
    }
    const index = repository ? undefined : signature ?? await find(repositoryFiles(format));
    if (index === undefined) continue;
    throw new KbuildError(
      `Cannot write packages to "${place}": it is a repository, and "${index}" would no longer be right`,
      {
        notes: [
          signature === undefined
            ? "Make the index again, too: --repository"
            : "Make the index again, too, and sign it: --sign KEY",
          "Or write them elsewhere: --to DIR",
        ],
      },
    );
  }
}

/** @throws {UsageError} There is no such format or package. */
function parseRequest(command: CommandContext, input: Input): AskedPackages {
  return Object.freeze({
    ...parseOptions(command, input),
    formats: input.args.length === 0
      ? PACKAGE_FORMATS
      : known("format", input.args, PACKAGE_FORMATS),
    repository: input.boolean("repository") ?? input.string("sign") !== undefined,
  });
}

/** What both commands are asked. */
function parseOptions(
  { cwd, env }: CommandContext,
  input: Input,
): Omit<AskedPackages, "formats" | "repository"> {
  const names = input.list("packages");
  const maintainer = input.string("maintainer");
  if (maintainer !== undefined) checkMaintainer(maintainer);
  const to = input.string("to");
  return Object.freeze({
    names: names === undefined ? undefined : known("package", names, PACKAGE_NAMES),
    tarballs: (input.list("tarball") ?? []).map((path) => resolve(cwd, path)),
    lockFile: env["KBUILD_LOCK_FILE"] ? resolve(cwd, env["KBUILD_LOCK_FILE"]) : undefined,
    revision: revisionOf(input),
    maintainer,
    sign: input.string("sign"),
    to: to === undefined ? undefined : resolve(cwd, to),
    jobs: input.number("jobs"),
  });
}

/** @throws {UsageError} There is no such architecture or package. */
function parseRpmRequest(command: CommandContext, input: Input): AskedPackages {
  const [text] = input.args;
  const words = text === undefined ? [] : splitList(text);
  if (text !== undefined && words.length === 0) {
    throw new UsageError(`Cannot make rpms for "${text}": it names no architecture`, [
      "For all architectures that have binaries: kbuild rpm",
    ]);
  }
  const archs = words.map(parseRpmArch);
  return Object.freeze(
    {
      ...parseOptions(command, input),
      formats: ["rpm"],
      repository: true,
      rpmsAlone: true,
      notes: archs.flatMap(({ note }) => note ?? []),
      ...(archs.length === 0
        ? {}
        : { platforms: [...new Set(archs.map(({ platform }) => platform))] }),
    } as const,
  );
}

function known<T extends string>(
  what: string,
  words: readonly string[],
  all: readonly T[],
): readonly T[] {
  const wrong = words.find((word) => !all.some((each) => each === word));
  if (wrong === undefined) return all.filter((each) => words.includes(each));
  throw new UsageError(`Unknown ${what} "${wrong}"`, [
    ...didYouMean(nearest(wrong, all)),
    `There are: ${all.join(", ")}`,
  ]);
}

/** Tarballs for packages whose programs are published elsewhere. */
async function planProgramsOf(
  open: OpenCheckout,
  asked: AskedPackages,
  programs: ProgramsWanted,
): Promise<readonly PlannedProgram[]> {
  const { context, checkout } = open;
  const { platforms } = await platformsOf(context, asked, await existingBinPath(open));
  const tarballs = await Promise.all(asked.tarballs.map(readProgramTarball));
  const wanted = await wantedTarballs(checkout, { platforms, names: asked.names, tarballs });
  return await planPrograms(context, wanted, { ...programs, lockFile: asked.lockFile });
}

async function platformsOf(
  context: KubeContext,
  { platforms }: AskedPackages,
  binPath: string,
): Promise<{ platforms: readonly string[]; skipped: readonly string[] }> {
  if (platforms !== undefined) return { platforms, skipped: [] };
  return await choosePlatforms(context, binPath);
}

async function prepare(
  open: OpenCheckout,
  asked: AskedPackages,
  programs: readonly PlannedProgram[],
): Promise<PreparedPackages> {
  const { context, checkout } = open;
  const { formats, names, revision, maintainer, to } = asked;
  if (to !== undefined) await checkNamedDirectory(context, to, "--to");
  compressionLevelIn(context.env);
  const binPath = await existingBinPath(open);
  const { platforms, skipped } = await platformsOf(context, asked, binPath);
  const stamp = await readStamp(open);
  const plan = await preparePackages(checkout, {
    ...{ formats, names, platforms, binPath, revision, maintainer },
    tarballs: [
      ...await Promise.all(asked.tarballs.map(readProgramTarball)),
      ...await programTarballs(programs),
    ],
    stamp: {
      gitVersion: stamp.vars.gitVersion,
      commit: stamp.vars.gitCommit,
      epoch: stamp.epoch,
    },
  });
  const usual = join(context.outputRoot, PACKAGES_DIRECTORY);
  const isAlone = asked.rpmsAlone === true;
  const packages = plan.packages.map((each) =>
    isAlone ? Object.freeze({ ...each, path: each.path.replace(/^rpm\//, "") }) : each
  );
  const prepared = Object.freeze({
    stamp,
    plan: Object.freeze({ ...plan, packages, notes: [...asked.notes ?? [], ...plan.notes] }),
    directory: to ?? (isAlone ? join(usual, "rpm") : usual),
    skipped,
  });
  await checkIndices(context, prepared, asked);
  return prepared;
}

/**
 * The platforms that were asked for, else those that have binaries.
 *
 * @throws {KbuildError} There are none.
 */
async function choosePlatforms(
  context: KubeContext,
  binPath: string,
): Promise<{ platforms: readonly string[]; skipped: readonly string[] }> {
  const asked = context.env["KUBE_BUILD_PLATFORMS"]?.split(/[\s,]+/).filter((word) => word !== "");
  if (asked !== undefined && asked.length > 0) {
    const all = [...new Set(asked)];
    const possible = all.filter(isPackagePlatform);
    // One error names what is wrong with the platform; among others it is only left out.
    return possible.length === 0
      ? { platforms: all, skipped: [] }
      : { platforms: possible, skipped: all.filter((each) => !isPackagePlatform(each)) };
  }
  const archs = await entriesOf(join(binPath, "linux")) ?? [];
  const found = archs.map(({ name }) => `linux/${name}`).filter(isPackagePlatform).sort();
  if (found.length === 0) throw nothingBuilt(context);
  return { platforms: found, skipped: [] };
}

function sayPrepared(
  context: KubeContext,
  { stamp, plan }: PreparedPackages,
): void {
  sayStamp(context, stamp);
  for (const note of plan.notes) context.log.status(note);
}

async function writeAll(
  context: KubeContext,
  prepared: PreparedPackages,
  asked: AskedPackages,
): Promise<readonly MadePackage[]> {
  const { jobs, repository, sign } = asked;
  const { log, signal, env } = context;
  const { directory, plan, stamp } = prepared;
  sayPrepared(context, prepared);
  const paths = plan.packages.map(({ path }) => join(directory, path));
  await checkInOutputs(context, [...paths, ...indexPaths(prepared, { repository, sign })]);
  await checkPackaged(context, plan, stamp.vars.gitVersion);
  const signer = sign === undefined ? undefined : gpgSigner(context.shell, sign, { signal });
  if (signer !== undefined && sign !== undefined) {
    const formats = plan.packages.map(({ description: { format } }) => format);
    await checkSigning(signer, sign, { formats });
  }
  const level = compressionLevelIn(env);
  await using work = await WorkDirectory.make(temporaryName(join(context.outputRoot, "packages")));
  using store = await openStoreOf(context);
  const blocks = store === undefined ? undefined : shareBlocks(store);
  const { deflater, hasher } = openThreads(context, { level, jobs, blocks });
  await Deno.mkdir(directory, { recursive: true });
  // Beside what it replaces, which must be on the same file system.
  await using staged = await WorkDirectory.make(temporaryName(join(directory, "packages")));
  const place = { path: directory, staged: staged.path };
  const written: WrittenPackage[] = [];
  try {
    const keys = packageKeysOf(context, asked);
    for (const planned of plan.packages) {
      const unit = log.events.unit(packageUnit(planned));
      const options = { directory: staged.path, work: work.path, deflater, signer, signal };
      const write = () => sharePackage(context, planned, { ...options, store, keys, unit });
      written.push(await unit.run(() => inDirectory(context, place, write)));
    }
  } finally {
    deflater.close();
    hasher.close();
  }
  signal?.throwIfAborted();
  const placed = await inDirectory(
    context,
    place,
    () => placePackages(written, { from: staged.path, to: directory, repository, signer }),
  );
  const made = placed.map(({ archive: { header: _, plainSize: __, ...archive } }, index) => {
    const { description: { name, format, version }, platform } = plan.packages[index]!;
    return Object.freeze({ name, format, version, platform, ...archive });
  });
  await blocks?.settle();
  if (store !== undefined) sayStore(context, store);
  await trimBlocks(context, megabytesIn(env, "KBUILD_BLOCK_CACHE_MB"));
  return Object.freeze(made);
}

/**
 * Refuses what is not a whole program for the platform of its package, and programs of another version than their
 * package says. No package of Kubernetes has a script in the place of a program.
 *
 * @throws {KbuildError} There are some.
 */
async function checkPackaged(
  { signal }: KubeContext,
  { packages }: PackagesPlan,
  version: string,
): Promise<void> {
  const [wrong, others]: [string[], string[]] = [[], []];
  const seen = new Set<string>();
  let isOther = false;
  for (const { programs, platform, tarball } of packages) {
    for (const [name, path] of Object.entries(programs)) {
      if (seen.has(path)) continue;
      seen.add(path);
      const content = await scanFile(path, { signal });
      const wanted = { platform, version, isStamped: isStampedProgram(name) };
      const faults = programFaults(content, wanted);
      wrong.push(...faults.map((fault) => `${path}: ${fault}`));
      isOther ||= faults.length > programFaults(content, { platform }).length;
    }
    if (tarball === undefined || seen.has(tarball.path)) continue;
    seen.add(tarball.path);
    others.push(...await tarballFaults(tarball.path, platform, { signal }));
  }
  if (wrong.length + others.length === 0) return;
  throw new KbuildError(`Cannot make packages of ${version}: programs do not fit`, {
    output: [...wrong, ...others],
    notes: [
      ...wrong.length > 0 ? ["Build them again: kbuild quick-release"] : [],
      ...others.length > 0
        ? ["Take the archives as they were published, and for that platform"]
        : [],
      ...isOther ? ["Or say which version they are: KUBE_GIT_VERSION=v1.20.2"] : [],
    ],
  });
}

/** @throws {UsageError} It cannot be a revision in both formats. */
function revisionOf(input: Input): string | undefined {
  const revision = input.string("revision");
  const fault = revision === undefined ? undefined : revisionFault(revision);
  if (fault === undefined) return revision;
  throw new UsageError(`Cannot use --revision "${revision}": ${fault.reason}`, fault.notes);
}
