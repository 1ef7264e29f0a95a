import { format as formatBytes } from "@std/fmt/bytes";
import { basename, join, resolve } from "@std/path";
import { gunzip, readTar } from "../archive/mod.ts";
import { type ProgramSizes, programSizes, readExecutable } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { entriesOf, filesBelow, ifPresent, readFile, readFileChunks } from "../files/mod.ts";
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

/**
 * Measures the binaries at a path, each name once.
 *
 * @throws {KbuildError} There are none.
 * @throws {UsageError} There is no such path.
 */
async function measure(path: string, signal: AbortSignal): Promise<readonly Measured[]> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) throw new UsageError(`Cannot find "${path}"`);
  const found = new Map<string, ProgramSizes>();
  const add = (name: string, bytes: Uint8Array) => {
    signal.throwIfAborted();
    const sizes = programSizes(bytes);
    const key = `${sizes?.platform}/${basename(name)}`;
    if (sizes !== undefined && !found.has(key)) found.set(key, sizes);
  };
  for (const file of info.isDirectory ? await filesIn(path) : [path]) {
    if (TARBALL.test(file)) {
      for await (const member of readTar(gunzip(readFileChunks(file), file), { label: file })) {
        if (member.type === "file" && /\/bin\//.test(member.name)) {
          add(member.name, await member.bytes());
        }
      }
    } else if (await isProgram(file)) add(file, await readFile(file));
  }
  if (found.size === 0) throw new KbuildError(`Cannot find binaries in "${path}"`);
  return [...found].map(([name, sizes]) => Object.freeze({ name, sizes }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

async function isProgram(file: string): Promise<boolean> {
  const { size } = await Deno.stat(file);
  const head: Uint8Array[] = [];
  for await (const chunk of readFileChunks(file, { size: Math.min(size, 1 << 16) })) {
    head.push(chunk);
  }
  return head[0] !== undefined && readExecutable(head[0]) !== undefined;
}

/** Binaries of an output directory, or every file and tarball below a directory. */
async function filesIn(directory: string): Promise<readonly string[]> {
  for (const name of BINARIES) {
    if (((await entriesOf(join(directory, name))) ?? []).length > 0) {
      return await pathsBelow(join(directory, name));
    }
  }
  return (await pathsBelow(directory)).filter((file) => !SOURCES.test(file));
}

async function pathsBelow(directory: string): Promise<readonly string[]> {
  return (await filesBelow(directory)).map((path) => join(directory, path));
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
