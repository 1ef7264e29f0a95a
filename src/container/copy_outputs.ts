import { dirname, join } from "@std/path";
import { readTar, type TarMember } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  equalBytes,
  ifPossible,
  ifPresent,
  lockFile,
  readFile,
  readNote,
  realPathOfNearest,
  writeAll,
  writeFileAtomic,
} from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { MANIFEST, type Manifest, manifestText, parseManifest, sourceState } from "./sync.ts";
import { execArgv, execute, type VolumeContainer } from "./volume.ts";

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
  const { releaseBinPath, root, signal } = context;
  const notes = join(root, "_output", ".kbuild");
  using _turn = await lockFile(join(notes, "outputs.lock"), { signal, temporary: true });
  const copied = await CopiedSources.read(root, join(notes, "copied.json"));
  const bin = releaseBinPath.slice(root.length + 1);
  const isThere = await ifPresent(Deno.lstat(releaseBinPath)) !== undefined;
  const isProgram = (name: string) => name.startsWith(`${bin}/`);
  const isWanted = (name: string) =>
    isProgram(name) ||
    (!/^(_output|\.git)(\/|$)/.test(name) &&
      /(^|\/)(zz_generated\.[^/]*|generated\.proto|[^/]*\.pb\.go|types\.go)$/.test(name));
  const kept: string[] = [];
  const isOurs = async (name: string, content: () => Promise<Uint8Array>) => {
    if (isProgram(name)) return false;
    const path = join(root, name);
    const state = sourceState(path);
    if (state === undefined || state === brought.get(name) || copied.has(name, state)) return false;
    // A link is not followed: what it leads to is another file.
    const isEqual = state.startsWith("f ") && equalBytes(await readFile(path), await content());
    if (!isEqual) kept.push(name);
    return true;
  };
  const onWritten = (name: string) => {
    if (!isProgram(name)) copied.add(name);
  };
  const argv = outputsArgv(bin, { all: all || !isThere });
  let files: readonly string[];
  try {
    files = await take(context, container, argv, { isWanted, isOurs, onWritten });
  } finally {
    await copied.write();
  }
  await execute(context, container, ["mv", `${COPIED}.new`, COPIED]);
  return Object.freeze({ files, kept: Object.freeze(kept) });
}

/** Generated files that were copied into a checkout, as they were then. */
class CopiedSources {
  readonly #root: string;
  readonly #note: string;
  readonly #states: Map<string, string>;
  #isChanged = false;

  private constructor(root: string, note: string, states: Map<string, string>) {
    this.#root = root;
    this.#note = note;
    this.#states = states;
  }

  /** Reads the note of earlier copies; one that is not whole counts as missing. */
  static async read(root: string, note: string): Promise<CopiedSources> {
    const states = Object.entries(await readNote(note) ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
    return new CopiedSources(root, note, new Map(states));
  }

  /** Whether a file that is like this was copied. */
  has(name: string, state: string): boolean {
    return this.#states.get(name) === state;
  }

  /** Adds a file that has just been written. */
  add(name: string): void {
    const state = sourceState(join(this.#root, name));
    if (state === undefined) return;
    this.#states.set(name, state);
    this.#isChanged = true;
  }

  /** Writes the note, without files that have changed since. */
  async write(): Promise<void> {
    if (!this.#isChanged) return;
    const same = [...this.#states].filter(([name, state]) =>
      sourceState(join(this.#root, name)) === state
    );
    // What was copied is there without the note, too; without it, it counts as changed here.
    await ifPossible(writeFileAtomic(this.#note, manifestText(new Map(same))));
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

function outputsArgv(bin: string, { all }: { all: boolean }): readonly string[] {
  const output = dirname(bin);
  return ["sh", "-c", OUTPUTS, "sh", all ? "all" : "changed", output];
}

/** The programs of {@linkcode copyOutputs}. */
export function copyStarts(
  { releaseBinPath, root }: Pick<KubeContext, "releaseBinPath" | "root">,
  container: VolumeContainer,
  options: Pick<CopyOptions, "all">,
): readonly (readonly string[])[] {
  const bin = releaseBinPath.slice(root.length + 1);
  return [
    execArgv(container, outputsArgv(bin, options), {}),
    execArgv(container, ["mv", `${COPIED}.new`, COPIED], {}),
  ];
}

/** Which files of an archive are written. */
interface Choice {
  /** Whether a file was asked for; another one is refused. */
  readonly isWanted: (name: string) => boolean;
  /** Whether the one that is here stays. */
  readonly isOurs?: (name: string, content: () => Promise<Uint8Array>) => Promise<boolean>;
  /** Called with each file that was written. */
  readonly onWritten?: (name: string) => void;
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
  { isWanted, isOurs, onWritten }: Choice,
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
  const real = realPathOfNearest(directory);
  const output = realPathOfNearest(join(root, "_output"));
  const isInside = real === directory || real.startsWith(`${output}/`);
  if (!isInside) refuse(`"${directory}" leads out of the checkout`);
  if (existing !== undefined && await isOurs?.(name, () => member.bytes()) === true) return false;
  await Deno.mkdir(directory, { recursive: true });
  await writeFileAtomic(path, async (file) => {
    for await (const chunk of member.chunks()) writeAll(path, file, chunk);
    await file.utime(mtime, mtime);
  }, { mode: (mode & 0o755) | 0o600 });
  onWritten?.(name);
  return true;
}
