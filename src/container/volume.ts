import { join } from "@std/path";
import { decodeNames, encodeName, parentsOf, type TarEntry } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import { concat, lockFile } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { engineError } from "./explain.ts";
import { containersWithCopy } from "./locks.ts";
import {
  anyArchive,
  entryOf,
  listSources,
  MANIFEST,
  type Manifest,
  parseManifest,
  planSync,
  syncArchive,
  type SyncPlan,
  type VolumeState,
} from "./sync.ts";
import { sentBytes, undoneChanges } from "./sync_report.ts";
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

/** Directories of a checkout that have no sources: those of upstream's rsync, and the outputs. None is in another one. */
export function scratchPaths(
  { output, outputRoot, root }: Pick<KubeContext, "output" | "outputRoot" | "root">,
): readonly string[] {
  const outputs = [outputRoot, output].map((path) => path.slice(root.length + 1));
  const all = [...new Set(["_output", "_tmp", ".make", ...outputs])];
  return Object.freeze(
    all.filter((path) => !all.some((other) => path.startsWith(`${other}/`))),
  );
}

/** Paths below the checkout that are not brought: {@linkcode scratchPaths}, and the repository where nobody asks it. */
export function excludedPaths(
  context: Pick<KubeContext, "output" | "outputRoot" | "root">,
  { era }: Pick<Checkout, "era">,
  { isRepository }: { isRepository: boolean },
): readonly string[] {
  // Go writes the commit into programs of modules, and asks git for it.
  const git = era.goMode === "gopath" || !isRepository ? [".git"] : [];
  return Object.freeze([...scratchPaths(context), ...git]);
}

/** Words of `find` that pass over paths. */
export function pruneWords(paths: readonly string[]): readonly string[] {
  return Object.freeze(paths.flatMap((path) => [
    ...["-path", `./${path.replaceAll(/[\\*?[]/g, "\\$&")}`, "-prune", "-o"],
  ]));
}

/** Between the parts of lists of names: no path has this name. */
export const PART = "//";

/** Which directories have changed, as {@linkcode ASK} notes it. */
const CHANGED = "_output/.kbuild-changed-directories";

/**
 * Prints the manifest, the files that have changed since, all directories, all other paths, and whether the checkout can be
 * written to. Where no directory has changed, paths are those of the manifest, and are not printed. GNU's find asks for the time
 * at which something was changed, whatever time it was given; busybox's has no `-cnewer`.
 */
const ASK = `all=$1
shift
cat ${MANIFEST} 2>/dev/null
printf '\\000${PART}\\000'
case "$([ -e ${MANIFEST} ] && find --version 2>&1)" in
  '') ;;
  *GNU*)
    if find . "$@" -cnewer ${MANIFEST} \\( -type d -fprint0 ${CHANGED} -o -print0 \\)
    then [ -s ${CHANGED} ] || all=\${all:-known}
    else find . "$@" ! -type d -cnewer ${MANIFEST} -print0
    fi ;;
  *) find . "$@" ! -type d -newer ${MANIFEST} -print0 ;;
esac
printf '${PART}\\000'
[ "$all" = known ] || find . "$@" -type d -print0
printf '${PART}\\000'
[ "$all" = known ] || find . "$@" ! -type d -print0
printf '${PART}\\000%s' "$all"
[ ! -w . ] || printf ' writable'`;

/**
 * Takes the archive; the manifest's time is that of the engine's clock. What comes after must be later: times of files move
 * in steps of up to 10 ms, and busybox's find compares whole seconds.
 */
const TAKE = `mkdir -p _output && tar -xof - && touch ${MANIFEST} &&
case "$(find --version 2>&1)" in *GNU*) sleep 0.02 ;; *) sleep 1 ;; esac`;

/** What was brought. Until it is disposed of, nobody else changes the copy. */
export interface BroughtSources extends Disposable {
  /** Files, links and directories that were sent. */
  readonly sent: number;
  /** Bytes of the files that were sent. */
  readonly bytes: number;
  /** Paths that were removed there. */
  readonly removed: number;
  /** What there is now. */
  readonly manifest: Manifest;
  /** From {@linkcode undoneChanges}. */
  readonly undone: readonly string[];
}

/** Options of {@linkcode bringSources}. */
export interface BringOptions {
  /** Paths below the checkout that stay here. */
  readonly excluded: readonly string[];
  /** What {@linkcode listChanging} finds, if that is under way already. */
  readonly local?: Promise<Manifest> | undefined;
  /** Called when other commands are waited for, with what they do and the names of their containers, if known. */
  readonly onWait?: (why: string, who: readonly string[]) => void;
}

/** Lists what {@linkcode bringSources} makes the volume equal to. */
export async function listChanging(
  { root, signal }: Pick<KubeContext, "root" | "signal">,
  excluded: readonly string[],
): Promise<Manifest> {
  const paths = new Set(excluded);
  return await listSources(root, (path) => paths.has(path), { signal });
}

/**
 * Makes the volume of a container equal to the checkout, outputs apart. Only what has changed is sent; what was
 * changed in the volume is brought back. A run that is killed leaves a manifest that says so.
 *
 * Commands share the copy as long as it is what all of them want. One that has to change it waits until the others
 * have ended.
 *
 * @throws {KbuildError} A name is not UTF-8, a file cannot be read, or the engine fails.
 */
export async function bringSources(
  context: KubeContext,
  container: VolumeContainer,
  { excluded, local = listChanging(context, excluded), onWait = () => {} }: BringOptions,
): Promise<BroughtSources> {
  const { root, signal } = context;
  const [turn, use] = ["sync.lock", "copy.lock"].map((name) =>
    join(root, "_output", ".kbuild", name)
  ) as [string, string];
  const compare = async (local: Promise<Manifest>) => {
    const [state, found] = await Promise.all([askVolume(context, container, excluded), local]);
    return { state, plan: planSync(found, state), undone: undoneChanges(found, state) };
  };
  // Its error is handled below, also if it comes while another command is waited for.
  void Promise.allSettled([local]);
  using changing = await lockFile(turn, {
    ...{ signal, temporary: true, holder: holderOf(container) },
    onWait: (holder) => onWait("it looks at the copy of the sources", nameIn(holder)),
  });
  let compared = await compare(changing.waited ? listChanging(context, excluded) : local);
  if (!isEqual(compared)) {
    using alone = await lockFile(use, {
      signal,
      async onWait() {
        const who = await containersWithCopy(context);
        const work = who.length > 1 ? "they work" : "it works";
        onWait(`${work} with the same copy of the sources, which have changed`, who);
      },
    });
    if (alone.waited) compared = await compare(listChanging(context, excluded));
    const { plan, state: { isWritable } } = compared;
    await changeVolume(context, container, plan, { isWritable });
  }
  const { plan: { send, remove, manifest }, undone } = compared;
  // Nobody has it alone, because that takes the other lock first.
  const shared = await lockFile(use, { signal, shared: true });
  return Object.freeze({
    ...{ sent: send.length, bytes: sentBytes(compared.plan), removed: remove.length },
    ...{ manifest, undone },
    [Symbol.dispose]: () => shared.release(),
  });
}

/** Text of a lock that a container's command holds. */
function holderOf({ name }: VolumeContainer): string {
  return `"kbuild in ${name}" (process ${Deno.pid})\n`;
}

/** The container that {@linkcode holderOf} names. */
function nameIn(holder: string): readonly string[] {
  return /^"kbuild in (\S+)"/.exec(holder)?.slice(1) ?? [];
}

/** Whether there is nothing to do. */
function isEqual(
  { state, plan }: { state: AskedVolume; plan: SyncPlan },
): boolean {
  return state.known !== undefined && plan.send.length + plan.remove.length === 0;
}

/** Executes a plan. */
async function changeVolume(
  context: KubeContext,
  container: VolumeContainer,
  plan: SyncPlan,
  { isWritable }: { isWritable: boolean },
): Promise<void> {
  if (!isWritable) {
    const { uid, gid } = container.user;
    await execute(context, container, ["chown", `${uid}:${gid}`, "."], { asRoot: true });
  }
  if (plan.remove.length > 0) {
    const stdin = nameList(plan.remove);
    await execute(context, container, ["xargs", "-0", "rm", "-rf", "--"], { stdin });
  }
  const stdin = syncArchive(context.root, plan);
  await execute(context, container, ["sh", "-c", TAKE], { stdin });
}

/** The programs of {@linkcode bringSources} that change something; each only if there is something to do. */
export function bringStarts(container: VolumeContainer): readonly (readonly string[])[] {
  return [execArgv(container, ["sh", "-c", TAKE], { input: true })];
}

/** Names below the checkout for a program's stdin, with a NUL after each one. */
export async function* nameList(names: readonly string[]): AsyncGenerator<Uint8Array> {
  yield concat(names.map((name) => encodeName(`./${name}\0`)));
}

/** What a volume answers. */
interface AskedVolume extends VolumeState {
  /** Whether the user can write to the directory of the checkout. */
  readonly isWritable: boolean;
}

async function askVolume(
  context: KubeContext,
  container: VolumeContainer,
  excluded: readonly string[],
  { all = false }: { all?: boolean } = {},
): Promise<AskedVolume> {
  const words = ["sh", "-c", ASK, "sh", all ? "all" : "", ...pruneWords(excluded)];
  const [text = "", ...names] = decodeNames(await bytesOf(context, container, words));
  const known = parseManifest(text);
  const [, changed = [], directories = [], others = [], [last = ""] = []] = partsOf(names);
  const [said, isWritable] = last.split(" ");
  const isKnown = said === "known";
  // A manifest that is not whole does not say what is there.
  if (isKnown && known === undefined) {
    return await askVolume(context, container, excluded, { all: true });
  }
  return {
    known,
    paths: isKnown ? [...known?.keys() ?? []] : [...directories, ...others],
    directories: isKnown ? undefined : new Set(directories),
    touched: changed,
    kept: new Set(excluded.flatMap(parentsOf)),
    isWritable: isWritable === "writable",
  };
}

/** Paths between the marks. */
export function partsOf(names: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  for (const name of names) {
    if (name === PART) parts.push([]);
    else if (name !== "" && name !== ".") parts.at(-1)!.push(name.replace(/^\.\//, ""));
  }
  return parts;
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
  const stdin = anyArchive(entries);
  await execute(context, container, ["tar", "-xof", "-"], { stdin });
}

/** The command line that starts a program in the container, in the checkout. */
export function execArgv(
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

/** What a program in the container prints. @throws {KbuildError} It fails. */
export async function bytesOf(
  context: KubeContext,
  container: VolumeContainer,
  argv: readonly string[],
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const onStdout = (chunk: Uint8Array) => {
    chunks.push(chunk.slice());
    return Promise.resolve();
  };
  await execute(context, container, argv, { onStdout });
  return concat(chunks);
}

/** Runs a program in the container, in the checkout. @throws {KbuildError} It fails. */
export async function execute(
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
