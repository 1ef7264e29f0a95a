import { basename, join, resolve } from "@std/path";
import { compareFiles, type Finding, listReleaseFiles } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import type { CommandContext } from "./context.ts";
import { findingWords } from "./finding_words.ts";
import { ifPresent } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";

/** Differences shown of one artifact, unless all are asked for. */
const SHOWN = 20;

/** One side: its artifacts by the name that both sides share. */
interface Side {
  readonly isFile: boolean;
  readonly isOutputRoot: boolean;
  readonly files: ReadonlyMap<string, string>;
}

/** Compares two files or directories and shows what differs. */
export async function compareArtifacts(command: CommandContext, input: Input): Promise<void> {
  const [a = "", b = ""] = input.args.map((path) => resolve(command.cwd, path));
  let [left, right] = [await openSide(a), await openSide(b)];
  if (left.isFile !== right.isFile) {
    throw new UsageError("Cannot compare a file with a directory", [
      "Give two files or two directories",
    ]);
  }
  // Two files may have any names.
  if (left.isFile) right = { ...right, files: new Map([[basename(a), b]]) };
  const notes: string[] = [];
  if (left.isOutputRoot !== right.isOutputRoot) {
    [left, right] = [left, right].map(tarballsOf) as [Side, Side];
    const side = left.isOutputRoot ? "A" : "B";
    notes.push(
      `Images are not compared: of ${side} only release-tars, as the other one is a directory of it`,
    );
  }
  const names = [...new Set([...left.files.keys(), ...right.files.keys()])].sort();
  if (names.length === 0) throw new UsageError(`Cannot compare: no files in "${a}" and "${b}"`);
  const { json } = command.globals;
  const results: Compared[] = [];
  for (const artifact of names) {
    const [x, y] = [left.files.get(artifact), right.files.get(artifact)];
    const times = input.boolean("times") ?? false;
    const differences = x === undefined || y === undefined
      ? [{ path: [], text: `only in ${x === undefined ? "B" : "A"}` }]
      : await compareFiles(x, y, { times, signal: command.signal });
    results.push({ artifact, differences });
  }
  const isMinor = ({ minor }: Finding) => minor === true;
  const different = results.filter(({ differences }) => !differences.every(isMinor)).length;
  const otherBytes = results.filter(({ differences }) => differences.length > 0).length - different;
  const summary = `${counted(results.length, "artifact")}: ${results.length - different} equal` +
    `${otherBytes === 0 ? "" : ` (${otherBytes} in other bytes)`}, ${different} different`;
  if (json) {
    command.printJson({ a, b, equal: different === 0, results, notes });
  } else {
    command.print([`A  ${a}`, `B  ${b}`, ...notes, summary].join("\n"));
    showDifferences(command, results, input.boolean("all") === true);
  }
  if (different > 0) throw new KbuildError(`A and B differ: ${summary}`);
}

/** What differs in one artifact. */
interface Compared {
  readonly artifact: string;
  readonly differences: readonly Finding[];
}

function showDifferences(
  command: CommandContext,
  results: readonly Compared[],
  all: boolean,
): void {
  for (const { artifact, differences } of results) {
    if (differences.length === 0) continue;
    command.print(`\n${findingWords({ path: [], text: artifact })}`);
    const shown = all ? differences : differences.slice(0, SHOWN);
    for (const finding of shown) command.print(`  ${findingWords(finding)}`);
    const more = differences.length - shown.length;
    if (more > 0) command.print(`  … and ${more} more (use --all)`);
  }
}

async function openSide(path: string): Promise<Side> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) {
    throw new UsageError(`Cannot compare "${path}": no such file or directory`);
  }
  if (!info.isDirectory) {
    const files = new Map([[basename(path), path]]);
    return { isFile: true, isOutputRoot: false, files };
  }
  const { root, isOutputRoot, artifacts } = await listReleaseFiles(path);
  const files = new Map(artifacts.map((name) => [name, join(root, name)]));
  return { isFile: false, isOutputRoot, files };
}

/** Of an output root its tarballs, by the names that they have in their directory. */
function tarballsOf(side: Side): Side {
  if (!side.isOutputRoot) return side;
  const tarballs = [...side.files].filter(([name]) => name.startsWith("release-tars/"));
  const files = new Map(tarballs.map(([name, path]) => [name.slice("release-tars/".length), path]));
  return { ...side, files };
}
