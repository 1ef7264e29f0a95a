import { dirname, join } from "@std/path";
import { readTar, streamTar, type TarEntry, type TarMember } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresent, lockFile, realPathOfNearest, writeAll, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { engineError } from "./explain.ts";
import {
  entryOf,
  type Excluded,
  listSources,
  MANIFEST,
  parseManifest,
  planSync,
  syncArchive,
  type VolumeState,
} from "./sync.ts";
import type { Engine } from "./types.ts";

/** A container that runs and in which a volume is the checkout. */
export interface VolumeContainer {
  readonly engine: Engine;
  /** Its name. */
  readonly name: string;
  /** Where the checkout is in it; absolute. */
  readonly target: string;
  /** Who its programs are. */
  readonly user: { readonly uid: number; readonly gid: number };
}

/** Names at the top of a checkout that are not brought: those of upstream's rsync, and the outputs. */
export function excludedNames(
  { outputRoot, root }: Pick<KubeContext, "outputRoot" | "root">,
  { era }: Pick<Checkout, "era">,
  { isRepository }: { isRepository: boolean },
): readonly string[] {
  const outputs = outputRoot.slice(root.length + 1).split("/")[0] ?? "_output";
  // Go writes the commit into programs of modules, and asks git for it.
  const git = era.goMode === "gopath" || !isRepository ? [".git"] : [];
  return Object.freeze([...new Set(["_output", "_tmp", ".make", outputs, ...git])]);
}

/** Between the parts of what {@linkcode ASK} prints: no path is so named. */
const PART = "//";

/**
 * Prints the manifest, all paths, those of files that have changed since the manifest twice in a row, and whether the
 * checkout can be written to. GNU's find also sees files that were moved or got an old time; busybox's has no `-cnewer`.
 */
const ASK = `cat ${MANIFEST} 2>/dev/null
printf '\\000${PART}\\000'
case "$([ -e ${MANIFEST} ] && find --version 2>&1)" in
  '') find . "$@" -print0 ;;
  *GNU*) find . "$@" -print0 ! -type d \\( -newer ${MANIFEST} -o -cnewer ${MANIFEST} \\) -print0 ;;
  *) find . "$@" -print0 ! -type d -newer ${MANIFEST} -print0 ;;
esac
printf '${PART}\\000'
[ ! -w . ] || printf writable`;

/**
 * Takes the archive; the manifest's time is that of the engine's clock. busybox's find compares whole seconds: what comes
 * after must be in a later one.
 */
const TAKE = `mkdir -p _output && tar -xof - && touch ${MANIFEST} &&
case "$(find --version 2>&1)" in *GNU*) ;; *) sleep 1 ;; esac`;

/** What was brought. */
export interface SyncCounts {
  /** Files, links and directories that were sent. */
  readonly sent: number;
  /** Bytes of the archive. */
  readonly bytes: number;
  /** Paths that were removed there. */
  readonly removed: number;
}

/**
 * Makes the volume of a container equal to the checkout, outputs apart. Only what has changed is sent; what was
 * changed in the volume is brought back. A run that is killed leaves a manifest that says so.
 *
 * @throws {KbuildError} A name does not fit into a plain tar, a file cannot be read, or the engine fails.
 */
export async function bringSources(
  context: KubeContext,
  container: VolumeContainer,
  excluded: readonly string[],
): Promise<SyncCounts> {
  const { root, signal } = context;
  const lock = join(root, "_output", ".kbuild", "sync.lock");
  using _lock = await lockFile(lock, { signal, temporary: true });
  const isExcluded: Excluded = (path) => excluded.includes(path);
  const [state, local] = await Promise.all([
    askVolume(context, container, excluded),
    listSources(root, isExcluded),
  ]);
  if (!state.isWritable) {
    const { uid, gid } = container.user;
    await execute(context, container, ["chown", `${uid}:${gid}`, "."], { asRoot: true });
  }
  const plan = planSync(local, state);
  if (plan.remove.length > 0) {
    const paths = plan.remove.map((path) => `./${path}\0`).join("");
    await execute(context, container, ["xargs", "-0", "rm", "-rf", "--"], { stdin: paths });
  }
  const { send, remove } = plan;
  if (state.known !== undefined && send.length + remove.length === 0) {
    return Object.freeze({ sent: 0, bytes: 0, removed: 0 });
  }
  let bytes = 0;
  const archive = async function* () {
    for await (const chunk of syncArchive(root, plan)) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  await execute(context, container, ["sh", "-c", TAKE], { stdin: archive() });
  return Object.freeze({ sent: send.length, bytes, removed: remove.length });
}

/** The programs of {@linkcode bringSources} that change something; each only if there is something to do. */
export function bringStarts(container: VolumeContainer): readonly (readonly string[])[] {
  return [execArgv(container, ["sh", "-c", TAKE], { input: true })];
}

async function askVolume(
  context: KubeContext,
  container: VolumeContainer,
  excluded: readonly string[],
): Promise<VolumeState & { readonly isWritable: boolean }> {
  const prune = excluded.flatMap((name) => [
    ...["-path", `./${name.replaceAll(/[\\*?[]/g, "\\$&")}`, "-prune", "-o"],
  ]);
  const { stdout } = await execute(context, container, ["sh", "-c", ASK, "sh", ...prune]);
  const [text = "", found = "", last] = stdout.split(`\0${PART}\0`);
  const paths = found.split("\0").filter((path) => path.startsWith("./"))
    .map((path) => path.slice(2));
  return {
    known: parseManifest(text),
    paths,
    touched: paths.filter((path, at) => path === paths[at - 1]),
    isWritable: last === "writable",
  };
}

/**
 * Brings single files, links and directories of this machine to their places in the container.
 *
 * @param paths Absolute, below the checkout.
 */
export async function sendPaths(
  context: KubeContext,
  container: VolumeContainer,
  paths: readonly string[],
): Promise<void> {
  const { root } = context;
  const entries: TarEntry[] = [];
  const add = async (path: string) => {
    const entry = entryOf(root, path.slice(root.length + 1));
    if (entry === undefined) return;
    entries.push(entry);
    if (entry.type !== "directory") return;
    for await (const { name } of Deno.readDir(path)) await add(join(path, name));
  };
  for (const path of paths) await add(path);
  if (entries.length === 0) return;
  const stdin = streamTar(entries);
  await execute(context, container, ["tar", "-xof", "-"], { stdin });
}

/**
 * Brings files of the container to their places on this machine.
 *
 * @param paths Files and directories; absolute, below the checkout.
 */
export async function fetchPaths(
  context: KubeContext,
  container: VolumeContainer,
  paths: readonly string[],
): Promise<void> {
  const names = paths.map((path) => path.slice(context.root.length + 1));
  const isWanted = (name: string) =>
    names.some((wanted) => name === wanted || name.startsWith(`${wanted}/`));
  await take(context, container, ["tar", "-cf", "-", "--", ...names], isWanted);
}

/** File whose time says up to when outputs were copied. */
const COPIED = "_output/.kbuild-copied";

/**
 * Prints an archive of the outputs: of programs those that are newer than the last copy, or all; of generated
 * files those that are newer than what was brought. Upstream's rsync has the same names (`build/common.sh`,
 * `copy_output`).
 */
const OUTPUTS = `touch ${COPIED}.new
[ "$1" = changed ] && [ -e ${COPIED} ] && new="-newer ${COPIED}" || new=
{ [ ! -d "$2/bin" ] || find "$2/bin" -type f $new -print0
  find . \\( -path ./_output -o -path ./.git \\) -prune -o -type f -newer ${MANIFEST} \\( \\
    -name 'zz_generated.*' -o -name generated.proto -o -name '*.pb.go' -o -name types.go \\) -print0
} >${COPIED}.list
case "$(tar --version 2>&1)" in
  *GNU*) tar -cf - --null -T ${COPIED}.list ;;
  *) [ ! -s ${COPIED}.list ] || xargs -0 tar -cf - -- <${COPIED}.list ;;
esac`;

/** What was copied from a container. */
export interface CopiedOutputs {
  /** Files that are new or changed; paths below the checkout. */
  readonly files: readonly string[];
}

/**
 * Copies programs and generated files from the volume to the checkout.
 *
 * @param options.all Whether those, too, that were copied before.
 * @throws {KbuildError} The archive has something else, or what would be written elsewhere.
 */
export async function copyOutputs(
  context: KubeContext,
  container: VolumeContainer,
  { all }: { all: boolean },
): Promise<CopiedOutputs> {
  const { releaseBinPath, root } = context;
  const bin = releaseBinPath.slice(root.length + 1);
  const isThere = await ifPresent(Deno.lstat(releaseBinPath)) !== undefined;
  const isWanted = (name: string) =>
    name.startsWith(`${bin}/`) ||
    (!/^(_output|\.git)(\/|$)/.test(name) &&
      /(^|\/)(zz_generated\.[^/]*|generated\.proto|[^/]*\.pb\.go|types\.go)$/.test(name));
  const argv = outputsArgv(bin, { all: all || !isThere });
  const files = await take(context, container, argv, isWanted);
  await execute(context, container, ["mv", `${COPIED}.new`, COPIED]);
  return Object.freeze({ files });
}

/**
 * Whether sources were copied into the volume of a container.
 *
 * @throws {KbuildError} The engine cannot tell.
 */
export async function hasSources(
  context: KubeContext,
  container: VolumeContainer,
): Promise<boolean> {
  const script = `[ ! -e ${MANIFEST} ] || echo yes`;
  const { stdout } = await execute(context, container, ["sh", "-c", script]);
  return stdout.trim() === "yes";
}

function outputsArgv(bin: string, { all }: { all: boolean }): readonly string[] {
  const output = dirname(bin);
  return ["sh", "-c", OUTPUTS, "sh", all ? "all" : "changed", output];
}

/** The programs of {@linkcode copyOutputs}. */
export function copyStarts(
  { releaseBinPath, root }: Pick<KubeContext, "releaseBinPath" | "root">,
  container: VolumeContainer,
  options: { all: boolean },
): readonly (readonly string[])[] {
  const bin = releaseBinPath.slice(root.length + 1);
  return [
    execArgv(container, outputsArgv(bin, options), {}),
    execArgv(container, ["mv", `${COPIED}.new`, COPIED], {}),
  ];
}

/** Unpacks what a program in the container prints. Nobody vouches for it. */
async function take(
  context: KubeContext,
  container: VolumeContainer,
  argv: readonly string[],
  isWanted: (name: string) => boolean,
): Promise<readonly string[]> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let isEmpty = true;
  // Each side that fails ends the other one, whose error says nothing.
  let first: "program" | "archive" | undefined;
  const running = execute(context, container, argv, {
    onStdout(chunk) {
      isEmpty = false;
      return writer.write(chunk);
    },
  }).then(() => writer.close(), async (error) => {
    first ??= "program";
    await writer.abort(error);
    throw error;
  });
  const changed: string[] = [];
  const reading = (async () => {
    const label = `outputs of ${container.name}`;
    for await (const member of readTar(readable, { label })) {
      if (await place(context, member, isWanted)) changed.push(cleanName(member.name));
    }
  })().catch((error) => {
    first ??= "archive";
    throw error;
  });
  const [ended, read] = await Promise.allSettled([running, reading]);
  if (read.status === "rejected" && first === "archive" && !isEmpty) throw read.reason;
  if (ended.status === "rejected") throw ended.reason;
  // busybox makes no archive of nothing.
  if (isEmpty) return [];
  if (read.status === "rejected") throw read.reason;
  return Object.freeze(changed);
}

function cleanName(name: string): string {
  return name.replace(/^(\.\/)+/, "").replace(/\/$/, "");
}

/** Writes one member to its place, unless it is there. Returns whether it was written. */
async function place(
  { root }: KubeContext,
  member: TarMember,
  isWanted: (name: string) => boolean,
): Promise<boolean> {
  const { mode, mtime, size, type } = member;
  const name = cleanName(member.name);
  const refuse = (why: string): never => {
    throw new KbuildError(`Cannot copy ${JSON.stringify(name)} out of the container: ${why}`, {
      notes: ["A program in the container has made it; nothing was written for it"],
    });
  };
  if (type === "directory") return false;
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    refuse("its path leads elsewhere");
  }
  if (!isWanted(name)) refuse("it was not asked for");
  if (type !== "file") refuse(`it is a ${type}, and only files are copied`);
  const path = join(root, name);
  const existing = await ifPresent(Deno.lstat(path));
  const seconds = Math.floor((existing?.mtime?.getTime() ?? 0) / 1000);
  if (existing?.isFile === true && existing.size === size && seconds === Math.floor(mtime)) {
    return false;
  }
  const directory = dirname(path);
  const real = await realPathOfNearest(directory);
  const output = await realPathOfNearest(join(root, "_output"));
  const isInside = real === directory || real.startsWith(`${output}/`);
  if (!isInside) refuse(`"${directory}" leads out of the checkout`);
  await Deno.mkdir(directory, { recursive: true });
  await writeFileAtomic(path, async (file) => {
    for await (const chunk of member.chunks()) writeAll(path, file, chunk);
    await file.utime(mtime, mtime);
  }, { mode: (mode & 0o755) | 0o600 });
  return true;
}

/** The command line that starts a program in the container, in the checkout. */
function execArgv(
  { engine, name, target }: VolumeContainer,
  argv: readonly string[],
  { input = false, asRoot = false }: { input?: boolean; asRoot?: boolean },
): readonly string[] {
  return Object.freeze([
    ...engine.program,
    "exec",
    ...input ? ["--interactive"] : [],
    ...asRoot ? ["--user=0"] : [],
    `--workdir=${target}`,
    ...[name, ...argv],
  ]);
}

async function execute(
  { shell }: KubeContext,
  container: VolumeContainer,
  argv: readonly string[],
  { asRoot = false, onStdout, stdin }: {
    asRoot?: boolean;
    onStdout?: (chunk: Uint8Array) => Promise<void>;
    stdin?: string | AsyncIterable<Uint8Array>;
  } = {},
) {
  const started = execArgv(container, argv, { input: stdin !== undefined, asRoot });
  const result = await shell.run(started, {
    ...stdin === undefined ? {} : { stdin },
    ...onStdout === undefined ? {} : { onStdout },
    allowed: "any",
  });
  if (result.code === 0) return result;
  const what = `Cannot copy between this machine and the container "${container.name}"`;
  throw engineError(what, result.tail.map(printable), container.engine);
}

/** Lines of a program that also prints an archive. */
function printable(line: string): string {
  return line.replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, "").slice(0, 400);
}
