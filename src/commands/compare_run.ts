import { createHash } from "node:crypto";
import { join, resolve } from "@std/path";
import { readFileChunks } from "../archive/mod.ts";
import { compareContents, type Finding, surveyFile } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import type { CommandContext } from "./context.ts";

/** Differences shown of one artifact, unless all are asked for. */
const SHOWN = 20;

/** Compares two files or folders and shows what differs. */
export async function compareArtifacts(command: CommandContext, input: Input): Promise<void> {
  const [a = "", b = ""] = input.args.map((path) => resolve(command.cwd, path));
  const [left, right] = [await filesOf(a), await filesOf(b)];
  if (left.has("") !== right.has("")) {
    throw new UsageError("Cannot compare a file with a folder", ["Give two files or two folders"]);
  }
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  if (names.length === 0) throw new UsageError(`Cannot compare: no files in "${a}" and "${b}"`);
  const results: { artifact: string; differences: readonly Finding[] }[] = [];
  const only = (side: string) => [{ path: [], text: `only in ${side}` }];
  for (const name of names) {
    const [x, y] = [left.get(name), right.get(name)];
    const artifact = name === "" ? a : name;
    if (x === undefined || y === undefined) {
      results.push({ artifact, differences: only(x === undefined ? "B" : "A") });
      continue;
    }
    const { signal } = command;
    if (await digestOf(x) === await digestOf(y)) {
      results.push({ artifact, differences: [] });
      continue;
    }
    const before = await surveyFile(x, { label: x, signal });
    const after = await surveyFile(y, { label: y, signal });
    const times = input.boolean("times") ?? false;
    results.push({ artifact, differences: compareContents(before, after, { times }) });
  }
  const different = results.filter(({ differences }) => differences.length > 0);
  const summary = `${results.length} artifacts: ${results.length - different.length} equal, ` +
    `${different.length} different`;
  if (command.globals.json) {
    command.print(JSON.stringify({ a, b, equal: different.length === 0, results }, null, 2));
  } else {
    command.print(`A  ${a}\nB  ${b}`);
    for (const { artifact, differences } of different) {
      command.print(`\n${artifact}`);
      const shown = input.boolean("all") ? differences : differences.slice(0, SHOWN);
      for (const { path, text } of shown) command.print(`  ${[...path, text].join(": ")}`);
      const more = differences.length - shown.length;
      if (more > 0) command.print(`  … and ${more} more (use --all)`);
    }
    command.print(`\n${summary}`);
  }
  if (different.length > 0) throw new KbuildError(`A and B differ: ${summary}`);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readFileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** What says of the tarballs what the tarballs say themselves. */
function isChecksum(name: string): boolean {
  return /(^|\/)(SHA(256|512)SUMS|artifacts\.json|[^/]+\.sha(256|512))$/.test(name);
}

/** Of an output root only what is published; besides it there are stages and caches of Go. */
const PUBLISHED = ["release-tars", "release-images"];

/** Artifacts below a folder by their names in it; "" for a file itself. */
async function filesOf(path: string): Promise<ReadonlyMap<string, string>> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined) throw new UsageError(`Cannot compare "${path}": there is no such file`);
  const found = new Map<string, string>();
  if (info.isFile) found.set("", path);
  const visit = async (below: string): Promise<void> => {
    for await (const { name, isFile, isDirectory } of Deno.readDir(join(path, below))) {
      const inner = below === "" ? name : `${below}/${name}`;
      if (isFile && !isChecksum(inner)) found.set(inner, join(path, inner));
      if (isDirectory) await visit(inner);
    }
  };
  if (!info.isDirectory) return found;
  const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  const published = names.filter((name) => PUBLISHED.includes(name));
  for (const name of published.length === 0 ? [""] : published) await visit(name);
  return found;
}
