import { format as formatBytes } from "@std/fmt/bytes";
import { basename, dirname, join, relative, resolve } from "@std/path";
import { faultOf, isStampedProgram, programFaults } from "../audit/mod.ts";
import {
  BUNDLE_PARTS,
  type BundledImage,
  bundleName,
  type BundleSource,
  DIRECTORIES,
  FETCHED_IMAGES,
  type FetchedImageName,
  type KubeadmImages,
  leftOutBy,
  partsOf,
  readKubeadmImages,
  verifyBundle,
  writeBundle,
  type WrittenBundle,
} from "../bundle/mod.ts";
import type { Input } from "../cli/mod.ts";
import { findLockFile } from "../download/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { entriesOf, ifPresent, readText, temporaryName, WorkDirectory } from "../files/mod.ts";
import {
  archiveFiles,
  copyImageArchive,
  type ImageFiles,
  parseRepoTag,
  readDockerManifest,
  repoTagsOf,
} from "../image/mod.ts";
import { counted } from "../lib/counted.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  BUNDLES_DIRECTORY,
  checkInOutputs,
  checkNamedDirectory,
  PACKAGES_DIRECTORY,
  SBOM_DIRECTORY,
} from "../lib/outputs.ts";
import { megabytesIn } from "../lib/util.ts";
import { isOffline } from "../net/mod.ts";
import {
  BUILT_PACKAGES,
  PACKAGE_NAMES,
  type PackageFormat,
  parseKubernetesVersion,
  preparePackages,
  type ProgramTarball,
  readProgramTarball,
  revisionFault,
  tarballName,
  type TarballPackageName,
  wantedTarballs,
} from "../packages/mod.ts";
import {
  type FetchedImage,
  fetchImages,
  ImageError,
  parseReference,
  planFetch,
  type WantedImage,
} from "../registry/mod.ts";
import { openThreads, trimBlocks } from "../release/mod.ts";
import { PROVENANCE_FILE, readArtifact, statementOf } from "../sbom/mod.ts";
import { readStamp, sayStamp, type Stamp } from "./build_run.ts";
import { tarballFaults } from "./check_programs.ts";
import { compressionLevelIn } from "./compression_level.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { inDirectory } from "./in_directory.ts";
import { existingBinPath, nothingBuilt } from "./existing_binaries.ts";
import {
  fetchPrograms,
  type PlannedProgram,
  planPrograms,
  programSteps,
  programTarballs,
} from "./published_programs.ts";
import { MissingParts } from "./missing_parts.ts";
import { shortDigest } from "./short_digest.ts";
import { shortPath } from "./short_path.ts";
import { withOutput } from "./with_output.ts";

/** A request for a bundle, as it was typed. */
interface AskedBundle {
  /** Names of parts. */
  readonly leftOut: readonly string[];
  /** References by name of the part. */
  readonly images: Readonly<Partial<Record<FetchedImageName, string>>>;
  /** Absolute. */
  readonly tarballs: readonly string[];
  /** Absolute path of the lock file that was named. */
  readonly lockFile: string | undefined;
  readonly revision: string | undefined;
  /** Absolute. */
  readonly to: string | undefined;
  readonly jobs: number | undefined;
}

/** A file of the checkout's outputs, and its name in SBOMs. */
interface OwnFile extends BundleSource {
  /** Name in `provenance.json`: `bin/linux/amd64/kubelet`. */
  readonly subject: string;
}

/** An image that goes into the bundle. */
interface PlannedImage {
  /** Name of the part. */
  readonly name: string;
  /** The archive of the release, and its name in SBOMs; undefined for an image that is fetched. */
  readonly own: { readonly file: string; readonly subject: string } | undefined;
  /** What is fetched. */
  readonly wanted: WantedImage | undefined;
}

/** A bundle that can be made, as soon as what is missing is fetched. */
interface PreparedBundle {
  readonly stamp: Stamp;
  readonly platform: string;
  /** Absolute path of the archive. */
  readonly out: string;
  /** How kubeadm of the checkout names images. */
  readonly kubeadm: KubeadmImages;
  /** Names of parts that are left out. */
  readonly leftOut: readonly string[];
  /** Programs and packages. */
  readonly own: readonly OwnFile[];
  readonly images: readonly PlannedImage[];
  /** Published tarballs that were named. */
  readonly tarballs: readonly string[];
  /** Published tarballs of the cache, some of them still to be fetched. */
  readonly programs: readonly PlannedProgram[];
  /** Documents; undefined if they are left out. */
  readonly documents: readonly BundleSource[];
}

/** Does what `kbuild bundle ACTION` asks for. */
export async function runBundle(command: CommandContext, input: Input): Promise<void> {
  if (input.action === "verify") return await verify(command, input);
  const asked = parseRequest(command, input);
  const open = await command.open();
  const cached = new Map<string, FetchedImage>();
  const { written, root } = await withOutput(open, {
    what: command.name,
    check: (open) => prepareToRun(open, asked, cached),
    prepare: (open) => prepareToRun(open, asked, cached),
    needs: ({ images, programs }) => ({
      images: images.flatMap(({ wanted }) => wanted ?? []),
      programs,
    }),
    fetch: async ({ context }, { images, programs }) => ({
      images: await fetchOthers(context, images, cached),
      programs: await fetchPrograms(context, programs, { areNamed: true }),
    }),
    work: async ({ context }, prepared, fetched) => ({
      written: await inDirectory(
        context,
        { path: dirname(prepared.out) },
        () =>
          write(context, prepared, {
            ...{ asked, kbuild: command.globals.version },
            ...fetched,
          }),
      ),
      root: context.root,
    }),
  });
  command.logSummary();
  const { path, size, sha256, manifest } = written;
  const short = relative(root, path).startsWith("..") ? path : relative(root, path);
  if (command.globals.json) {
    return command.printJson({ path: short, size, sha256, ...manifest });
  }
  const rows = manifest.files.map((file) => [
    ...[file.path, formatBytes(file.size), shortDigest(`sha256:${file.sha256}`)],
  ]);
  command.printTable([["FILE", "SIZE", "DIGEST"], ...rows], {
    align: ["left", "right"],
    cut: ["start", undefined, "end"],
  });
  for (const part of manifest.leftOut) command.print(`Left out: ${part} (--without)`);
  command.print(`${short}  ${formatBytes(size)}  sha256:${sha256}`);
}

/** What `kbuild bundle make` would do. */
export async function planBundle(command: CommandContext, input: Input): Promise<CommandPlan> {
  if (input.action === "verify") {
    throw new UsageError('Cannot plan "kbuild bundle verify": it only looks', [
      "make can be planned",
    ]);
  }
  const { context, ...rest } = await command.open();
  const missing = new MissingParts();
  const prepared = await prepare({ context, ...rest }, parseRequest(command, input), missing);
  missing.check();
  const { own, images, documents, tarballs, programs, out } = prepared;
  const fetched = planFetch(context, images.flatMap(({ wanted }) => wanted ?? []));
  return Object.freeze({
    steps: Object.freeze([
      ...programSteps(programs),
      ...fetched.map((fetch) => ({ group: "images", kind: "fetch" as const, ...fetch })),
      {
        group: "bundle",
        kind: "tarball" as const,
        path: out,
        entries: own.length + images.length + documents.length + tarballs.length + programs.length,
        reads: [
          ...[...own, ...images.flatMap((image) => image.own ?? []), ...documents]
            .map(({ file }) => file),
          ...[...tarballs, ...programs.map(({ path }) => path)],
        ],
      },
    ]),
  });
}

/** @throws {UsageError} There is no such part, image or revision. */
function parseRequest({ cwd, env }: CommandContext, input: Input): AskedBundle {
  const revision = input.string("revision");
  const fault = revision === undefined ? undefined : revisionFault(revision);
  if (fault !== undefined) {
    throw new UsageError(`Cannot use --revision "${revision}": ${fault.reason}`, fault.notes);
  }
  const to = input.string("to");
  return Object.freeze({
    leftOut: leftOutBy(input.list("without") ?? []),
    images: Object.fromEntries((input.list("image") ?? []).map(parseImage)),
    tarballs: (input.list("tarball") ?? []).map((path) => resolve(cwd, path)),
    lockFile: env["KBUILD_LOCK_FILE"] ? resolve(cwd, env["KBUILD_LOCK_FILE"]) : undefined,
    revision,
    to: to === undefined ? undefined : resolve(cwd, to),
    jobs: input.number("jobs"),
  });
}

/** `etcd=registry.example/etcd:3.5.0`. */
function parseImage(text: string): [FetchedImageName, string] {
  const at = text.indexOf("=");
  const name = FETCHED_IMAGES.find((each) => each === text.slice(0, at));
  if (name === undefined) {
    throw new UsageError(`Value "${text}" of --image does not begin with the name of an image`, [
      `Write it so: ${FETCHED_IMAGES.join("=…, ")}=registry.example/etcd:3.5.0`,
    ]);
  }
  const reference = text.slice(at + 1);
  parseReference(reference);
  // The name is what kubeadm's configuration has to say.
  parseRepoTag(reference.replace(/@.*$/, ""));
  return [name, reference];
}

/**
 * {@linkcode prepare} for a run: what may not be fetched has to be in the cache.
 *
 * @param cached Receives images that are there, by reference; with `--offline` only.
 */
async function prepareToRun(
  open: OpenCheckout,
  asked: AskedBundle,
  cached: Map<string, FetchedImage>,
): Promise<PreparedBundle> {
  const missing = new MissingParts();
  const prepared = await prepare(open, asked, missing);
  if (isOffline(open.context.env)) {
    for (const { name, wanted } of prepared.images) {
      if (wanted === undefined || cached.has(wanted.reference)) continue;
      try {
        const [image] = await fetchImages(open.context, [wanted]);
        cached.set(wanted.reference, image!);
      } catch (error) {
        open.context.signal?.throwIfAborted();
        if (!(error instanceof ImageError)) throw error;
        missing.add(name, error.message, error.notes);
      }
    }
  }
  missing.check();
  return prepared;
}

/**
 * Finds all that goes into a bundle. Nothing is written or fetched.
 *
 * @param missing Receives the parts that are missing, and are not left out.
 * @throws {KbuildError} There are no binaries at all, or no platform can be chosen.
 */
async function prepare(
  open: OpenCheckout,
  asked: AskedBundle,
  missing: MissingParts,
): Promise<PreparedBundle> {
  const { context, checkout } = open;
  const { env, outputRoot } = context;
  compressionLevelIn(env);
  if (asked.to !== undefined) await checkNamedDirectory(context, asked.to, "--to");
  // One that is named has to be there, whatever is left out.
  await findLockFile(asked.lockFile, context.cwd);
  const binPath = await existingBinPath(open);
  const platform = await choosePlatform(context, binPath);
  const stamp = await readStamp(open);
  const [, minor] = parseKubernetesVersion(stamp.vars.gitVersion);
  const leftOut = partsOf(minor).map(({ name }) => name)
    .filter((name) => asked.leftOut.includes(name));
  const arch = platform.split("/")[1]!;
  const kubeadm = await readKubeadmImages(checkout.root, { minor, arch });
  const images = partsOf(minor)
    .filter(({ kind, name }) => kind === "image" && !leftOut.includes(name))
    .flatMap(({ name, isReleased }) =>
      isReleased === true
        ? ownImage(name, platform, outputRoot)
        : fetchedImage(name as FetchedImageName, { platform, asked, kubeadm, missing }) ?? []
    );
  const archives = (["kubernetes-cni", "cri-tools"] as const).filter((name) =>
    !leftOut.includes(name)
  );
  const given = await Promise.all(asked.tarballs.map(readProgramTarball));
  const tarballs = given.filter((each) => each.platform === platform);
  const programs = await othersPrograms(open, { platform, archives, tarballs, asked, missing });
  const own = [
    ...ownPrograms(binPath, platform, leftOut),
    ...await ownPackages(open, {
      ...{ binPath, platform, stamp, asked },
      tarballs: [...tarballs, ...await programTarballs(programs)],
    }),
  ];
  await lookFor(own, images, { root: context.root, missing });
  const documents = leftOut.includes("sbom")
    ? []
    : documentsOf(outputRoot, [...own, ...images.flatMap((each) => each.own ?? [])]);
  await lookForDocuments(documents, { root: context.root, missing });
  const name = bundleName({ version: stamp.vars.gitVersion, platform });
  return Object.freeze({
    ...{ stamp, platform, leftOut, own, images, programs, documents, kubeadm },
    out: join(asked.to ?? join(outputRoot, BUNDLES_DIRECTORY), `${name}.tar.gz`),
    tarballs: tarballs.filter((each) => archives.includes(each.name)).map(({ path }) => path),
  });
}

/** Plans the downloads of crictl and CNI plugins that were not given. */
async function othersPrograms(
  { context, checkout }: OpenCheckout,
  { platform, archives, tarballs, asked, missing }: {
    platform: string;
    archives: readonly TarballPackageName[];
    tarballs: readonly ProgramTarball[];
    asked: AskedBundle;
    missing: MissingParts;
  },
): Promise<readonly PlannedProgram[]> {
  const { lockFile } = asked;
  const planned: PlannedProgram[] = [];
  for (const name of archives) {
    if (tarballs.some((each) => each.name === name)) continue;
    const options = { platforms: [platform], names: [name], tarballs };
    const wanted = await wantedTarballs(checkout, options);
    if (wanted.length === 0) {
      missing.add(name, "the checkout does not say which version", [
        `Name a published tarball: --tarball ${tarballName(name, platform, undefined)}`,
      ]);
    }
    await planPrograms(context, wanted, { areNamed: true, lockFile })
      .then((programs) => planned.push(...programs), (error: unknown) => {
        context.signal?.throwIfAborted();
        if (!(error instanceof KbuildError) || error instanceof UsageError) throw error;
        missing.add(name, error.message, error.notes);
      });
  }
  return planned;
}

/**
 * The platform that was asked for, else this machine's architecture if it has binaries, else the only one that has.
 *
 * @throws {KbuildError} It cannot be told.
 */
async function choosePlatform(context: KubeContext, binPath: string): Promise<string> {
  const asked = context.env["KUBE_BUILD_PLATFORMS"]?.split(/[\s,]+/).filter((word) => word !== "");
  const archs = (await entriesOf(join(binPath, "linux")) ?? []).map(({ name }) => `linux/${name}`);
  const here = `linux/${context.host.split("/")[1]}`;
  const found = asked !== undefined && asked.length > 0
    ? asked
    : archs.includes(here)
    ? [here]
    : archs;
  const [platform, ...others] = found;
  if (platform === undefined) throw nothingBuilt(context);
  if (others.length > 0) {
    throw new UsageError(`Cannot make one bundle of several platforms: ${found.join(", ")}`, [
      `Choose one, and make one after the other: --platform ${platform}`,
    ]);
  }
  if (!/^linux\/[a-z0-9]+$/.test(platform)) {
    throw new UsageError(`Cannot make a bundle for "${platform}"`, ["Example: linux/arm64"]);
  }
  return platform;
}

function withWayOut(error: KbuildError, parts: readonly string[]): KbuildError {
  return new KbuildError(error.message, {
    ...error,
    notes: [...error.notes, `Or leave it out: --without ${parts.join(",")}`],
    cause: error,
  });
}

function ownImage(name: string, platform: string, outputRoot: string): PlannedImage {
  const subject = `release-images/${platform.split("/")[1]}/${name}.tar`;
  return { name, own: { file: join(outputRoot, subject), subject }, wanted: undefined };
}

/** Undefined if it is missing. */
function fetchedImage(
  name: FetchedImageName,
  { platform, asked, kubeadm, missing }: {
    platform: string;
    asked: AskedBundle;
    kubeadm: KubeadmImages;
    missing: MissingParts;
  },
): PlannedImage | undefined {
  const reference = asked.images[name] ?? kubeadm.images[name];
  if (reference === undefined) {
    const notes = ["Name images: --image NAME=REFERENCE"];
    return void missing.add(name, "the checkout's kubeadm does not say which image", notes);
  }
  return { name, own: undefined, wanted: { reference, archs: [platform.split("/")[1]!] } };
}

function ownPrograms(
  binPath: string,
  platform: string,
  leftOut: readonly string[],
): readonly OwnFile[] {
  return BUNDLE_PARTS.filter(({ kind, name }) => kind === "program" && !leftOut.includes(name))
    .map(({ name }) => ({
      path: `${DIRECTORIES["program"]}/${name}`,
      file: join(binPath, platform, name),
      subject: `bin/${platform}/${name}`,
    }));
}

/** The packages that `kbuild packages` makes of what is not left out. */
async function ownPackages(
  { context, checkout }: OpenCheckout,
  { binPath, platform, stamp, asked, tarballs }: {
    binPath: string;
    platform: string;
    stamp: Stamp;
    asked: AskedBundle;
    tarballs: readonly ProgramTarball[];
  },
): Promise<readonly OwnFile[]> {
  const formats = (["deb", "rpm"] as const satisfies readonly PackageFormat[])
    .filter((format) => !asked.leftOut.includes(format));
  // Packages without their programs are known to be missing.
  const have: readonly string[] = [...BUILT_PACKAGES, ...tarballs.map(({ name }) => name)];
  const names = PACKAGE_NAMES.filter((name) =>
    !asked.leftOut.includes(name) && have.includes(name)
  );
  if (formats.length === 0 || names.length === 0) return [];
  const { packages } = await preparePackages(checkout, {
    ...{ formats, names, binPath, tarballs, revision: asked.revision },
    platforms: [platform],
    stamp: {
      gitVersion: stamp.vars.gitVersion,
      commit: stamp.vars.gitCommit,
      epoch: stamp.epoch,
    },
  });
  return packages.map(({ path }) => {
    const subject = `${PACKAGES_DIRECTORY}/${path}`;
    return { path: `packages/${path}`, file: join(context.outputRoot, subject), subject };
  });
}

/** Where files are looked for. */
interface Lookout {
  /** The checkout, for paths that are shown. */
  readonly root: string;
  readonly missing: MissingParts;
}

/** Looks for the files of the release. */
async function lookFor(
  own: readonly OwnFile[],
  images: readonly PlannedImage[],
  { root, missing }: Lookout,
): Promise<void> {
  const look = async (part: string, file: string, way: string) => {
    if ((await ifPresent(Deno.stat(file)))?.isFile === true) return;
    missing.add(part, shortPath(file, root), [way]);
  };
  for (const { path, file } of own) {
    const [top, second = ""] = path.split("/");
    await look(second, file, top === "packages" ? PACKAGES_WAY : RELEASE_WAY);
  }
  for (const { name, own } of images) {
    if (own !== undefined) await look(name, own.file, RELEASE_WAY);
  }
}

async function lookForDocuments(
  documents: readonly BundleSource[],
  { root, missing }: Lookout,
): Promise<void> {
  for (const { file } of documents) {
    if (await ifPresent(Deno.stat(file)) !== undefined) continue;
    missing.add("sbom", shortPath(file, root), [SBOM_WAY]);
  }
}

const RELEASE_WAY = "Make programs and images: kbuild quick-release";
const PACKAGES_WAY = "Make packages: kbuild packages (and the same --revision here)";

/** The SBOMs of files of the release, and the provenance of all. */
function documentsOf(
  outputRoot: string,
  files: readonly { readonly subject: string }[],
): readonly BundleSource[] {
  const directory = join(outputRoot, SBOM_DIRECTORY);
  const names = files.flatMap(({ subject }) =>
    [".spdx.json", ".cdx.json"].map((end) => `${subject.replace(/^release-/, "")}${end}`)
  );
  return [...names, PROVENANCE_FILE].map((name) => ({
    path: `${DIRECTORIES["sbom"]}/${name}`,
    file: join(directory, name),
  }));
}

const SBOM_WAY = "Make SBOMs: kbuild sbom";
const SBOM_WAYS = [SBOM_WAY, "Or leave them out: --without sbom"];

/** @param cached Images that need not be fetched, by reference. */
async function fetchOthers(
  context: KubeContext,
  wanted: readonly WantedImage[],
  cached: ReadonlyMap<string, FetchedImage>,
): Promise<readonly FetchedImage[]> {
  const others = wanted.filter(({ reference }) => !cached.has(reference));
  if (others.length === 0) return [...cached.values()];
  const fetched = await fetchImages(context, others).catch((error: unknown) => {
    if (!(error instanceof ImageError)) throw error;
    const { reference } = error;
    const name = FETCHED_IMAGES.find((each) => reference.includes(each)) ?? "images";
    throw withWayOut(error, [name]);
  });
  return [...cached.values(), ...fetched];
}

/** What {@linkcode write} takes beside the plan. */
interface WriteInputs {
  readonly asked: AskedBundle;
  /** Version of kbuild. */
  readonly kbuild: string;
  readonly images: readonly FetchedImage[];
  readonly programs: readonly PlannedProgram[];
}

async function write(
  context: KubeContext,
  prepared: PreparedBundle,
  { asked, kbuild, images: fetched, programs }: WriteInputs,
): Promise<WrittenBundle> {
  const { log, signal, env, outputRoot } = context;
  const { stamp, platform, out, own, documents } = prepared;
  sayStamp(context, stamp);
  await checkInOutputs(context, [out]);
  const version = stamp.vars.gitVersion;
  const digests = await checkOwn(prepared, { version, programs, signal });
  if (documents.length > 0) await checkDescribed(outputRoot, digests);
  await Deno.mkdir(join(out, ".."), { recursive: true });
  await using work = await WorkDirectory.make(temporaryName(join(outputRoot, "bundle")));
  const images: BundledImage[] = [];
  const sources: BundleSource[] = [...documents];
  for (const { path, file, subject } of own) {
    sources.push({ path, file, sha256: digests.get(subject) });
  }
  for (const file of [...prepared.tarballs, ...programs.map(({ path }) => path)]) {
    sources.push({ path: `${DIRECTORIES["archive"]}/${basename(file)}`, file });
  }
  for (const planned of prepared.images) {
    const path = `${DIRECTORIES["image"]}/${planned.name}.tar`;
    const file = join(work.path, `${planned.name}.tar`);
    const unit = log.events.unit({ kind: "image", name: `${planned.name} of the bundle` });
    images.push(
      await unit.run(async () => {
        const image = await copyImage(context, file, planned, { prepared, fetched });
        return Object.freeze({ name: planned.name, path, ...image });
      }),
    );
    sources.push({ path, file });
  }
  const { deflater, hasher } = openThreads(context, {
    level: compressionLevelIn(env),
    jobs: asked.jobs,
  });
  const unit = log.events.unit({ kind: "tarball", name: basename(out) });
  const written = await unit.run(() =>
    writeBundle(out, {
      ...{ version, platform, kbuild, leftOut: prepared.leftOut, images, sources },
      mtime: stamp.epoch,
    }, { deflater, hasher, signal })
  ).finally(() => {
    deflater.close();
    hasher.close();
  });
  await trimBlocks(context, megabytesIn(env, "KBUILD_BLOCK_CACHE_MB"));
  return written;
}

/** Copies an image under the name that kubeadm starts it by. */
async function copyImage(
  { signal }: KubeContext,
  out: string,
  { own, wanted, name }: PlannedImage,
  { prepared, fetched }: { prepared: PreparedBundle; fetched: readonly FetchedImage[] },
): Promise<Omit<BundledImage, "name" | "path">> {
  const { platform, kubeadm: { repository, suffix }, stamp: { epoch: mtime } } = prepared;
  const arch = platform.split("/")[1]!;
  if (own === undefined) {
    const image = fetched.find(({ reference }) => reference === wanted!.reference)!;
    const reference = image.reference.replace(/@.*$/, "");
    const { files, digest, digestFrom } = image;
    const copied = await copyImageArchive(out, files, { arch, names: [reference], mtime, signal });
    return { reference, ...copied, digest, digestFrom };
  }
  await using files = await archiveFiles(own.file);
  const tags = await tagsOf(files, own.file);
  const [first = ""] = tags;
  // Up to 1.22 archives have the names with the architecture alone, which kubeadm does not ask for.
  const reference = repository === undefined
    ? first
    : `${repository}/${name}${suffix}${first.slice(first.lastIndexOf(":"))}`;
  const names = [...new Set([reference, ...tags])];
  return { reference, ...await copyImageArchive(out, files, { arch, names, mtime, signal }) };
}

async function tagsOf(files: ImageFiles, path: string): Promise<readonly string[]> {
  const tags = (await readDockerManifest(files)).flatMap((entry) => repoTagsOf(files, entry));
  if (tags.length > 0) return tags;
  throw new KbuildError(`Cannot use image archive "${path}": its image has no name`, {
    notes: [RELEASE_WAY],
  });
}

/**
 * Reads all files of the release: programs must be whole and of this version and platform, and those in packages and
 * images must be these programs. Programs of others must be whole and of this platform.
 *
 * @returns Digests by subject, hexadecimal.
 * @throws {KbuildError} They are not.
 */
async function checkOwn(
  { own, images, platform, tarballs }: PreparedBundle,
  { version, programs: others, signal }: {
    version: string;
    /** Published tarballs that were fetched. */
    programs: readonly PlannedProgram[];
    signal: AbortSignal | undefined;
  },
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  const built = new Map<string, string>();
  const wrong: string[] = [];
  const read = async (file: string, subject: string) => {
    const { sha256, programs, faults, content } = await readArtifact(file, { signal });
    digests.set(subject, sha256);
    wrong.push(...faults.map((fault) => `${file}: ${fault}`));
    if (subject.startsWith("bin/")) {
      const own = programFaults(content!, { platform, version, isStamped: true });
      wrong.push(...own.map((fault) => `${file}: ${fault}`));
      if (own.length === 0) built.set(basename(subject), sha256);
      return;
    }
    for (const { name, program, size, sha256 } of programs) {
      const isStamped = isStampedProgram(name);
      if (!program.linksVersion && !isStamped) continue;
      const form = { kind: "program", program } as const;
      const [fault] = programFaults({ size, form }, { platform, version, isStamped });
      const other = built.get(name);
      if (fault !== undefined) wrong.push(`${file}: ${faultOf(name, fault)}`);
      else if (other !== undefined && other !== sha256) {
        wrong.push(`${file}: its ${name} is not the one of the binaries`);
      } else built.set(name, sha256);
    }
  };
  // Programs first, then what is made of them.
  for (const { file, subject } of own) await read(file, subject);
  for (const { own } of images) if (own !== undefined) await read(own.file, own.subject);
  for (const file of [...tarballs, ...others.map(({ path }) => path)]) {
    wrong.push(...await tarballFaults(file, platform, { signal }));
  }
  if (wrong.length === 0) return digests;
  throw new KbuildError(`Cannot make a bundle of ${version}: programs do not fit`, {
    output: wrong,
    notes: ["Make all of them again: kbuild quick-release && kbuild packages"],
  });
}

/** @throws {KbuildError} The SBOMs are of other files. */
async function checkDescribed(
  outputRoot: string,
  digests: ReadonlyMap<string, string>,
): Promise<void> {
  const path = join(outputRoot, SBOM_DIRECTORY, PROVENANCE_FILE);
  const provenance = await readText(path);
  for (const [name, sha256] of digests) {
    const subject = { name, sha256 };
    if (statementOf(provenance, subject, subject) !== undefined) continue;
    throw new KbuildError(`Cannot make a bundle: no SBOM is of "${name}" as it is now`, {
      notes: SBOM_WAYS,
    });
  }
}

/** `kbuild bundle verify`: checks a bundle, and shows what is in it. */
async function verify(command: CommandContext, input: Input): Promise<void> {
  const [file] = input.args;
  if (file === undefined) {
    throw new UsageError("Cannot verify a bundle without a name", ["kbuild bundle verify FILE"]);
  }
  const path = resolve(command.cwd, file);
  if (await ifPresent(Deno.stat(path)) === undefined) {
    throw new UsageError(`Cannot verify "${path}": no such file or directory`);
  }
  const { manifest, sha256, problems, notes } = await verifyBundle(path, {
    kbuild: command.globals.version,
    digest: input.string("digest")?.replace(/^sha256:/, ""),
    signal: command.signal,
  });
  for (const note of notes) command.log.status(note);
  if (problems.length > 0) {
    throw new KbuildError(`Bundle "${path}" is not right`, {
      output: problems.slice(0, 100),
      notes: ["Do not install it: get it again, from whoever made it"],
    });
  }
  const { version, platform, leftOut, images, files } = manifest;
  if (command.globals.json) {
    return command.printJson({ path, sha256: sha256 ?? null, notes, ...manifest });
  }
  command.print(
    `Kubernetes ${version} for ${platform}: ${counted(files.length, "file")}, all as listed`,
  );
  for (const { reference, manifest } of images) {
    command.print(`${reference}  ${shortDigest(manifest)}`);
  }
  for (const part of leftOut) command.print(`Left out: ${part}`);
}
