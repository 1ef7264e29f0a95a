import { format as formatBytes } from "@std/fmt/bytes";
import { basename, join, resolve } from "@std/path";
import { gunzip, readTar } from "../archive/mod.ts";
import { type ProgramSizes, programSizes, readExecutable } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import {
  cannotRead,
  entriesOf,
  ifPresent,
  irregularKind,
  readFile,
  readFileChunks,
} from "../files/mod.ts";
import type { CommandContext } from "./context.ts";
import { existingBinPath } from "./existing_binaries.ts";

/** A measured binary; its name is `linux/amd64/kubectl`. */
interface Measured {
  readonly name: string;
  readonly sizes: ProgramSizes;
}

/** A binary now, and before where there was one of its name. */
interface Compared extends Measured {
  readonly before: ProgramSizes | undefined;
}

/** `kbuild sizes`: measures binaries, compares them, and shows both. */
export async function showSizes(command: CommandContext, input: Input): Promise<void> {
  const { cwd, globals, signal } = command;
  const [given] = input.args;
  const path = given === undefined ? await ownBinaries(command) : resolve(cwd, given);
  const against = input.string("against");
  const limit = input.number("fail-over");
  if (limit !== undefined && against === undefined) {
    throw new UsageError("--fail-over needs --against: nothing is compared");
  }
  const now = await measure(path, signal);
  const old = against === undefined ? undefined : await measure(resolve(cwd, against), signal);
  // Two binaries are compared whatever they are called.
  const isPair = now.length === 1 && old?.length === 1;
  const before = new Map(old?.map(({ name, sizes }) => [isPair ? now[0]!.name : name, sizes]));
  const compared = now.map((each): Compared => ({ ...each, before: before.get(each.name) }));
  const there = new Set(now.map(({ name }) => name));
  const gone = [...before.keys()].filter((name) => !there.has(name));
  if (old !== undefined && compared.every(({ before }) => before === undefined)) {
    throw new KbuildError(`Cannot compare: "${against}" has none of these binaries`, {
      notes: [`It has: ${[...before.keys()].slice(0, 10).join(", ")}`],
    });
  }
  if (globals.json) {
    const programs = compared.map(({ name, sizes, before }) => (
      { name, ...sizes, ...before === undefined ? {} : { before } }
    ));
    command.printJson({ programs, gone });
  } else {
    print(command, compared, { top: input.number("top") ?? 5, isCompared: old !== undefined });
    for (const name of gone) command.print(`gone: ${name}`);
  }
  refuseGrowth(compared, limit);
}

/** @throws {KbuildError} A binary grew by more than the limit, in percent. */
function refuseGrowth(compared: readonly Compared[], limit: number | undefined): void {
  if (limit === undefined) return;
  const grown = compared.filter((each) => growth(each) > limit);
  if (grown.length === 0) return;
  const list = grown.map((each) => `${each.name} by ${percent(growth(each))}`);
  throw new KbuildError(`Binaries grew by more than ${limit} %: ${list.join(", ")}`);
}

/** Growth in percent; 0 for what was not there before. */
function growth({ sizes, before }: Compared): number {
  return before === undefined ? 0 : (sizes.size - before.size) * 100 / before.size;
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

/** @throws {KbuildError} The checkout has none. */
async function ownBinaries(command: CommandContext): Promise<string> {
  return await existingBinPath(await command.open());
}

/** What kbuild and the scripts leave in an output directory, the one of releases first. */
const BINARIES = ["_output/dockerized/bin", "_output/local/bin", "dockerized/bin", "local/bin"];

/** Tarballs of a release that hold binaries. */
const TARBALL = /\.(?:tar\.gz|tgz)$/;
const SOURCES = /kubernetes-src\.tar\.gz$/;

/** Bytes of a binary, which is read into memory: the largest of Kubernetes has some 200 MiB. */
const MAX_SIZE = 2 ** 30;
/** Files that are looked at in a directory; a release has some hundred. */
const MAX_FILES = 20_000;

/**
 * Measures the binaries at a path, each name once.
 *
 * @throws {KbuildError} There are none, one is too large, or there are too many files to look at.
 * @throws {UsageError} There is no such path, or something that is neither a directory nor a regular file.
 */
async function measure(path: string, signal: AbortSignal): Promise<readonly Measured[]> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) throw new UsageError(`Cannot find "${path}"`);
  const kind = info.isDirectory ? undefined : irregularKind(info);
  if (kind !== undefined) {
    throw new UsageError(`Cannot look for binaries in "${path}": it is ${kind}`, [USUAL]);
  }
  const found = new Map<string, ProgramSizes>();
  const add = (name: string, bytes: Uint8Array) => {
    const sizes = programSizes(bytes);
    const key = `${sizes?.platform}/${basename(name)}`;
    if (sizes !== undefined && !found.has(key)) found.set(key, sizes);
  };
  for (const file of info.isDirectory ? await filesIn(path, signal) : [path]) {
    signal.throwIfAborted();
    if (TARBALL.test(file)) {
      for await (
        const member of readTar(gunzip(readFileChunks(file), file), { label: file, signal })
      ) {
        if (member.type !== "file" || !/\/bin\//.test(member.name)) continue;
        // What is larger is not a program: it would have to be unpacked to be looked at.
        if (member.size <= MAX_SIZE) add(member.name, await member.bytes(MAX_SIZE));
      }
    } else if (await isProgram(file)) add(file, await readFile(file));
  }
  if (found.size === 0) {
    throw new KbuildError(`Cannot find binaries in "${path}"`, { notes: [USUAL] });
  }
  return [...found].map(([name, sizes]) => Object.freeze({ name, sizes }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

const USUAL =
  "Name a directory with binaries, an _output, a release or a tarball of one, or a binary";

/** @throws {KbuildError} It is, and is larger than any. */
async function isProgram(file: string): Promise<boolean> {
  // A file of the kernel's has no size, and reading one may take for ever.
  const { size, isFile } = await ifPresent(Deno.stat(file)) ?? { size: 0, isFile: false };
  if (!isFile || size === 0) return false;
  const [head] = await Array.fromAsync(readFileChunks(file, { size: Math.min(size, 1 << 16) }));
  if (head === undefined || readExecutable(head) === undefined) return false;
  if (size <= MAX_SIZE) return true;
  throw new KbuildError(
    `Cannot measure "${file}": it has ${formatBytes(size)}, more than ${formatBytes(MAX_SIZE)}`,
  );
}

/** Binaries of an output directory, or every file and tarball below a directory. */
async function filesIn(directory: string, signal: AbortSignal): Promise<readonly string[]> {
  for (const name of BINARIES) {
    if (((await entriesOf(join(directory, name))) ?? []).length > 0) {
      return await pathsBelow(join(directory, name), signal);
    }
  }
  return (await pathsBelow(directory, signal)).filter((file) => !SOURCES.test(file));
}

/**
 * Files below a directory, sorted; links are left out.
 *
 * @throws {KbuildError} There are more than anybody has binaries, or a directory cannot be read.
 */
async function pathsBelow(directory: string, signal: AbortSignal): Promise<readonly string[]> {
  const files: string[] = [];
  let seen = 0;
  for (const directories = [directory]; directories.length > 0;) {
    signal.throwIfAborted();
    const next = directories.pop()!;
    const entries = await entriesOf(next).catch((cause: unknown) => {
      throw cannotRead(next, cause);
    });
    for (const { name, isDirectory, isFile } of entries ?? []) {
      if (++seen > MAX_FILES) {
        throw new KbuildError(
          `Cannot look for binaries in "${directory}": it has more than ${MAX_FILES} files`,
          { notes: [USUAL] },
        );
      }
      if (isFile) files.push(join(next, name));
      if (isDirectory) directories.push(join(next, name));
    }
  }
  return files.sort();
}

function print(
  command: CommandContext,
  compared: readonly Compared[],
  { top, isCompared }: { top: number; isCompared: boolean },
): void {
  const rows = compared.flatMap((each) => {
    const { name, sizes, before } = each;
    const change = before === undefined
      ? ["new", ""]
      : [signed(sizes.size - before.size), percent(growth(each))];
    return [
      [name, formatBytes(sizes.size), ...isCompared ? change : []],
      ...packageRows(each, top).map((row) => isCompared ? row : row.slice(0, 2)),
    ];
  });
  const head = ["BINARY", "SIZE", ...isCompared ? ["CHANGE", ""] : []];
  command.printTable([head, ...rows], {
    align: ["left", "right", "right", "right"],
    cut: ["start"],
  });
}

/** The largest packages, or those that changed most. */
function packageRows({ sizes, before }: Compared, top: number): readonly (readonly string[])[] {
  const { packages } = sizes;
  if (packages === undefined) {
    return [["  no table of functions: packages are unknown", "", "", ""]];
  }
  const old = before?.packages;
  const names = [...new Set([...Object.keys(packages), ...Object.keys(old ?? {})])];
  const all = names.map((name) => (
    { name, size: packages[name] ?? 0, change: (packages[name] ?? 0) - (old?.[name] ?? 0) }
  ));
  const weight = ({ size, change }: typeof all[number]) =>
    old === undefined ? size : Math.abs(change);
  return all.filter((each) => weight(each) > 0)
    .sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1)).slice(0, top)
    .map(({ name, size, change }) => [
      ...[`  ${name}`, formatBytes(size), old === undefined ? "" : signed(change), ""],
    ]);
}

function signed(bytes: number): string {
  if (bytes === 0) return "same";
  return `${bytes > 0 ? "+" : "-"}${formatBytes(Math.abs(bytes))}`;
}
