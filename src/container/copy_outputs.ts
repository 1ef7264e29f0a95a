import { dirname, join } from "@std/path";
import { decodeNames, encodeName, quoteName, readTar, type TarMember } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  equalBytes,
  ifPossible,
  ifPresent,
  lockFile,
  openFile,
  readFile,
  readFileChunks,
  readNote,
  realPathOfNearest,
  writeAll,
  writeFileAtomic,
} from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  GENERATED_NAMES,
  isExecutable,
  isGenerated,
  MANIFEST,
  type Manifest,
  parseManifest,
  sourceState,
} from "./sync.ts";
import {
  bytesOf,
  execArgv,
  execute,
  nameList,
  PART,
  partsOf,
  pruneWords,
  scratchPaths,
  type VolumeContainer,
} from "./volume.ts";

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
  await take(context, container, ["tar", "-cf", "-", "--", ...names], { isWanted });
}

/** Touched when outputs are listed; beside it is what is listed. */
const COPIED = "_output/.kbuild-copied";

/**
 * Prints how it lists and whose tar there is, the names of the manifest, of {@linkcode COPIED}, of programs and of generated files,
 * and then, in the same order, inode, size and times of each. Where that is not asked for, or there is no `stat`, generated
 * files are only those that are newer than what was brought.
 */
const LIST = `how=$1 output=./$2 new=
shift 2
command -v stat >/dev/null || how=plain
[ "$how" = stat ] || new='-newer ${MANIFEST}'
touch ${COPIED}
{ printf './%s\\000' ${MANIFEST} ${COPIED}
  [ ! -d "$output/bin" ] || find "$output/bin" -name .git -prune -o -type f -print0
  find . "$@" -name .git -prune -o -type f $new \\( \\
    ${GENERATED_NAMES.map((name) => `-name '${name}'`).join(" -o ")} \\) -print0
} >${COPIED}.list
case "$(tar --version 2>&1)" in *GNU*) tar=GNU ;; *) tar=other ;; esac
printf '%s %s\\000${PART}\\000' "$how" "$tar"
cat ${COPIED}.list
printf '${PART}\\000'
[ "$how" = plain ] || TZ=UTC0 xargs -0 stat -c '%i %s %y %z' <${COPIED}.list 2>/dev/null
:`;

/** Prints an archive of the files whose names come on its standard input, with a NUL after each. */
const PACK = `case "$(tar --version 2>&1)" in
  *GNU*) exec tar -cf - --null -T - ;;
  *) exec xargs -0 tar -cf - -- ;;
esac`;

/** Bytes of names for one {@linkcode PACK}, where `xargs` starts another `tar` for what is more than 32 KB. */
const MAX_NAMES = 16_000;

/** What was copied from a container. */
export interface CopiedOutputs {
  /** Files that are new or changed; paths below the checkout. */
  readonly files: readonly string[];
  /** Generated files that were changed here as well, and stay as they are here. */
  readonly kept: readonly string[];
}

/** Options of {@linkcode copyOutputs}. */
export interface CopyOptions {
  /** Whether those, too, that were copied before. */
  readonly all: boolean;
  /**
   * What was brought into the volume: a file that is another one here now was changed meanwhile, unless it was copied from
   * there.
   */
  readonly brought: Manifest;
}

/**
 * Copies programs and generated files from the volume to the checkout. A generated file that was changed here since the
 * sources were brought stays; one that was copied and not changed since does not.
 *
 * @throws {KbuildError} The archive has something else, or what would be written elsewhere.
 */
export async function copyOutputs(
  context: KubeContext,
  container: VolumeContainer,
  { all, brought }: CopyOptions,
): Promise<CopiedOutputs> {
  const { root, signal } = context;
  const notes = join(root, "_output", ".kbuild");
  using _turn = await lockFile(join(notes, "outputs.lock"), { signal, temporary: true });
  const copied = await CopiedFiles.read(root, join(notes, "copied.json"));
  const bin = binOf(context);
  const isProgram = (name: string) => name.startsWith(`${bin}/`);
  const scratch = scratchPaths(context);
  const isWanted = (name: string) =>
    isProgram(name) ||
    (!scratch.some((path) => name.startsWith(`${path}/`)) &&
      isGenerated(name));
  const kept: string[] = [];
  const isOurs = async (name: string, content: Uint8Array) => {
    const path = join(root, name);
    const state = sourceState(path);
    if (state === undefined || state === brought.get(name) || copied.has(name, state)) return false;
    // A link is not followed: what it leads to is another file.
    const isEqual = state.startsWith("f ") && equalBytes(await readFile(path), content);
    if (!isEqual) kept.push(name);
    return true;
  };
  const listed = await listOutputs(context, container);
  const { broughtAt, states } = listed;
  const names = listed.names.filter((name) => {
    const state = states?.get(name);
    // What is older was brought.
    if (!isProgram(name) && state !== undefined && state.changed <= broughtAt) return false;
    return all || state === undefined || !copied.isCurrent(name, state.text);
  });
  const onDone = (name: string) => copied.add(name, states?.get(name));
  const files: string[] = [];
  try {
    for (const batch of listed.isGnu ? [names] : batchesOf(names)) {
      if (batch.length === 0) continue;
      const stdin = nameList(batch);
      const choice = { isWanted, isSource: (name: string) => !isProgram(name), isOurs, onDone };
      files.push(...await take(context, container, PACK_ARGV, { ...choice, stdin }));
    }
  } finally {
    await copied.write();
  }
  return Object.freeze({ files: Object.freeze(files), kept: Object.freeze(kept) });
}

/** Directory of programs, below the checkout. */
function binOf({ releaseBinPath, root }: Pick<KubeContext, "releaseBinPath" | "root">): string {
  return releaseBinPath.slice(root.length + 1);
}

/** Names in parts that one `xargs` takes at once. */
function batchesOf(names: readonly string[]): readonly (readonly string[])[] {
  const batches: string[][] = [[]];
  let bytes = 0;
  for (const name of names) {
    bytes += encodeName(name).length + 10;
    if (bytes > MAX_NAMES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(name);
  }
  return batches;
}

/** A file of a container. */
interface FileThere {
  /** When it was changed, whatever time it was given; text that sorts. */
  readonly changed: string;
  /** What tells whether it is the same file; "" if its clock is too coarse to tell. */
  readonly text: string;
}

/** What {@linkcode LIST} prints. */
interface ListedOutputs {
  readonly isGnu: boolean;
  /** Paths below the checkout. */
  readonly names: readonly string[];
  /** What the files are like; undefined where there is no `stat`. */
  readonly states: ReadonlyMap<string, FileThere> | undefined;
  /** When the sources were brought. */
  readonly broughtAt: string;
}

async function listOutputs(
  context: KubeContext,
  container: VolumeContainer,
  how: "stat" | "plain" = "stat",
): Promise<ListedOutputs> {
  const printed = decodeNames(await bytesOf(context, container, listArgv(context, how)));
  const [[said = ""] = [], listed = [], [lines = ""] = []] = partsOf(printed);
  const [did, tar] = said.split(" ");
  const [, , ...names] = listed;
  const found = { isGnu: tar === "GNU", names };
  const states = lines.split("\n").slice(0, -1).map(parseStat);
  if (did === "plain") return { ...found, states: undefined, broughtAt: "" };
  const [manifest, now] = states;
  // A file has gone meanwhile, or that `stat` says something else.
  if (states.length !== listed.length || manifest === undefined || now === undefined) {
    return await listOutputs(context, container, "plain");
  }
  const entries: [string, FileThere][] = [];
  for (const [index, name] of names.entries()) {
    const state = states[index + 2];
    if (state === undefined) return await listOutputs(context, container, "plain");
    const { changed, line } = state;
    // Where times are whole seconds, it may change once more in this one.
    const isCoarse = !/\.\d*[1-9]/.test(changed) &&
      changed.slice(0, 19) >= now.changed.slice(0, 19);
    entries.push([name, { changed, text: isCoarse ? "" : line }]);
  }
  return { ...found, states: new Map(entries), broughtAt: manifest.modified };
}

/** Reads a line of `stat`; undefined if it says something else. */
function parseStat(line: string): { line: string; modified: string; changed: string } | undefined {
  const time = "(\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?)(?: \\+0000)?";
  const match = new RegExp(`^\\d+ \\d+ ${time} ${time}$`).exec(line);
  if (match === null) return undefined;
  const [, modified = "", changed = ""] = match;
  return { line, modified, changed };
}

/** Files that were copied into a checkout, as they were then, here and there. */
class CopiedFiles {
  readonly #root: string;
  readonly #note: string;
  readonly #states: Map<string, readonly [here: string, there: string]>;
  #isChanged = false;

  private constructor(
    root: string,
    note: string,
    states: Map<string, readonly [here: string, there: string]>,
  ) {
    this.#root = root;
    this.#note = note;
    this.#states = states;
  }

  /** Reads the note of earlier copies; one that is not whole counts as missing. */
  static async read(root: string, note: string): Promise<CopiedFiles> {
    const states = new Map<string, readonly [string, string]>();
    for (const [name, value] of Object.entries(await readNote(note) ?? {})) {
      const [here, there = ""] = Array.isArray(value) ? value : [value];
      if (typeof here === "string" && typeof there === "string") states.set(name, [here, there]);
    }
    return new CopiedFiles(root, note, states);
  }

  /** Whether a file that is like this was copied. */
  has(name: string, here: string): boolean {
    return this.#states.get(name)?.[0] === here;
  }

  /** Whether what is there was copied, and is here as it was then. */
  isCurrent(name: string, there: string): boolean {
    const known = this.#states.get(name);
    return there !== "" && known?.[1] === there &&
      known[0] === sourceState(join(this.#root, name));
  }

  /** Adds a file that is now as it is there. */
  add(name: string, there: FileThere | undefined): void {
    const state = sourceState(join(this.#root, name));
    if (state === undefined) return;
    this.#states.set(name, [state, there?.text ?? ""]);
    this.#isChanged = true;
  }

  /** Writes the note, without files that have changed since. */
  async write(): Promise<void> {
    if (!this.#isChanged) return;
    const same = [...this.#states].filter(([name, [here]]) =>
      sourceState(join(this.#root, name)) === here
    );
    // What was copied is there without the note, too; without it, it counts as changed here.
    const text = JSON.stringify(Object.fromEntries(same));
    await ifPossible(writeFileAtomic(this.#note, text));
  }
}

/**
 * What was brought into the volume of a container; undefined if nothing was, or what is noted there is not whole.
 *
 * @throws {KbuildError} The engine cannot tell.
 */
export async function readBrought(
  context: KubeContext,
  container: VolumeContainer,
): Promise<Manifest | undefined> {
  const script = `[ ! -e ${MANIFEST} ] || cat ${MANIFEST}`;
  const { stdout } = await execute(context, container, ["sh", "-c", script]);
  return parseManifest(stdout);
}

/** Lists outputs. */
function listArgv(
  context: Pick<KubeContext, "output" | "outputRoot" | "releaseBinPath" | "root">,
  how: "stat" | "plain",
): readonly string[] {
  const output = dirname(binOf(context));
  return ["sh", "-c", LIST, "sh", how, output, ...pruneWords(scratchPaths(context))];
}

const PACK_ARGV: readonly string[] = Object.freeze(["sh", "-c", PACK]);

/** The programs of {@linkcode copyOutputs}; the second one only if there is something to copy. */
export function copyStarts(
  context: Pick<KubeContext, "output" | "outputRoot" | "releaseBinPath" | "root">,
  container: VolumeContainer,
): readonly (readonly string[])[] {
  return [
    execArgv(container, listArgv(context, "stat"), {}),
    execArgv(container, PACK_ARGV, { input: true }),
  ];
}

/** Which files of an archive are written. */
interface Choice {
  /** Whether a file was asked for; another one is refused. */
  readonly isWanted: (name: string) => boolean;
  /** Whether the one that is here may stay: {@linkcode isOurs} is asked. */
  readonly isSource?: (name: string) => boolean;
  /** Whether it stays. */
  readonly isOurs?: (name: string, content: Uint8Array) => Promise<boolean>;
  /** Called with each file that is now as it is there. */
  readonly onDone?: (name: string) => void;
  /** What the program reads. */
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/** Unpacks what a program in the container prints. Nobody vouches for it. */
async function take(
  context: KubeContext,
  container: VolumeContainer,
  argv: readonly string[],
  choice: Choice,
): Promise<readonly string[]> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let isEmpty = true;
  // Each side that fails ends the other one, whose error says nothing.
  let first: "program" | "archive" | undefined;
  const { stdin } = choice;
  const running = execute(context, container, argv, {
    ...stdin === undefined ? {} : { stdin },
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
      if (await place(context, member, choice)) changed.push(cleanName(member.name));
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
  { isWanted, isSource, isOurs, onDone }: Choice,
): Promise<boolean> {
  const { mode, mtime, type } = member;
  const name = cleanName(member.name);
  const refuse = (why: string): never => {
    throw new KbuildError(`Cannot copy ${quoteName(name)} out of the container: ${why}`, {
      notes: ["A program in the container has made it; nothing was written for it"],
    });
  };
  if (type === "directory") return false;
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    refuse("its path leads elsewhere");
  }
  // Git runs what it finds there; file systems may know a name in other letters, too.
  if (parts.some((part) => part.toLowerCase() === ".git") || !isWanted(name)) {
    refuse("it was not asked for");
  }
  if (!name.isWellFormed()) refuse("its name is not valid UTF-8");
  if (type !== "file") refuse(`it is a ${type}, and only files are copied`);
  const path = join(root, name);
  const existing = await ifPresent(Deno.lstat(path));
  const directory = dirname(path);
  const real = realPathOfNearest(directory);
  const output = realPathOfNearest(join(root, "_output"));
  const isInside = real === directory || real.startsWith(`${output}/`);
  if (!isInside) refuse(`"${directory}" leads out of the checkout`);
  const source = isSource?.(name) === true ? await member.bytes() : undefined;
  const chunks = source === undefined ? member.chunks() : chunksOf(source);
  const content = await compareFile(path, existing, member, chunks);
  if (content === undefined) {
    onDone?.(name);
    return false;
  }
  if (existing !== undefined && source !== undefined && await isOurs?.(name, source) === true) {
    return false;
  }
  await Deno.mkdir(directory, { recursive: true });
  await writeFileAtomic(path, async (file) => {
    for await (const chunk of content) writeAll(path, file, chunk);
    await file.utime(mtime, mtime);
  }, { mode: (mode & 0o755) | 0o600 });
  onDone?.(name);
  return true;
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield await Promise.resolve(bytes);
}

/**
 * Compares a file with a member. Builds that give fixed times make other files of the same size and time.
 *
 * @returns undefined if they are equal, else the content of the member.
 */
async function compareFile(
  path: string,
  existing: Deno.FileInfo | undefined,
  { mode, mtime, size }: TarMember,
  chunks: AsyncGenerator<Uint8Array, void>,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const seconds = Math.floor((existing?.mtime?.getTime() ?? 0) / 1000);
  const isAlike = existing?.isFile === true && existing.size === size &&
    seconds === Math.floor(mtime) && isExecutable(existing.mode) === isExecutable(mode);
  if (!isAlike) return chunks;
  let equal = 0;
  using file = await openFile(path);
  const buffer = new Uint8Array(size === 0 ? 0 : 1 << 20);
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    const chunk = next.value;
    if (!readsSame(file, chunk, buffer)) return withStart(path, equal, chunk, chunks);
    equal += chunk.length;
  }
  return undefined;
}

/** Whether what comes next in a file is this. */
function readsSame(file: Deno.FsFile, chunk: Uint8Array, buffer: Uint8Array): boolean {
  for (let at = 0; at < chunk.length;) {
    const count = file.readSync(buffer.subarray(0, chunk.length - at)) ?? 0;
    if (count === 0) return false;
    if (!equalBytes(buffer.subarray(0, count), chunk.subarray(at, at + count))) return false;
    at += count;
  }
  return true;
}

/** The first bytes of a file, and other ones after them. */
async function* withStart(
  path: string,
  size: number,
  chunk: Uint8Array,
  chunks: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (size > 0) yield* readFileChunks(path, { offset: 0, size });
  yield chunk;
  yield* chunks;
}
