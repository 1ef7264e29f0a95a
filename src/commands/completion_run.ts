import { join } from "@std/path";
import { ifPossible, readText } from "../files/mod.ts";
import { type Checkout, findRoot } from "../checkout/mod.ts";
import { type Candidate, type CommandData, completeWords } from "../cli/mod.ts";
import { commandTargets } from "../lib/golang/mod.ts";
import type { CommandContext } from "./context.ts";
import { TOPICS } from "./topics.ts";

/** Prints completions of the last word, each with a tab before its summary. */
export async function printWords(
  command: CommandContext,
  commands: readonly CommandData[],
  words: readonly string[],
): Promise<void> {
  // Who asks for completions reads no errors.
  const root = await ifPossible(findRoot(command.cwd));
  const found = await completeWords(commands, words, {
    commands: async () => await directoryCommands(root),
    topics: TOPICS.map(({ name, summary }) => ({ word: name, summary })),
    async values(names) {
      if (root === undefined) return undefined;
      const has = (...known: string[]) => known.some((name) => names.includes(name));
      if (has("WHAT", "TARGET")) {
        const programs = (await directoryCommands(root)).map(({ word }) => word);
        return [...programs, ...targetsOf((await command.openAt(root)).checkout)];
      }
      if (has("OS/ARCH", "KUBE_BUILD_PLATFORMS")) {
        return platformsOf((await command.openAt(root)).checkout);
      }
      return undefined;
    },
  });
  for (const { word, summary } of found) {
    // The scripts read lines, and a terminal shows them.
    if (/\p{Cc}/u.test(word)) continue;
    command.print(summary === "" ? word : `${word}\t${summary.replaceAll(/\s+/g, " ")}`);
  }
}

/** `kbuild kubectl`: directories of programs. Libraries can be built too, but nobody looks for them. */
async function directoryCommands(root: string | undefined): Promise<readonly Candidate[]> {
  if (root === undefined) return [];
  const targets = await commandTargets(root);
  const found = await Promise.all(
    [...targets].map(async ([word, target]) =>
      await isProgram(join(root, target)) ? [{ word, summary: `Build ${target}` }] : []
    ),
  );
  return found.flat();
}

/** Whether a directory has a Go file of package main. */
async function isProgram(directory: string): Promise<boolean> {
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (!isFile || !name.endsWith(".go") || name.endsWith("_test.go")) continue;
    const text = await ifPossible(readText(join(directory, name)));
    if (text !== undefined && /^package main\b/m.test(text)) return true;
  }
  return false;
}

function targetsOf({ targets }: Checkout): readonly string[] {
  const { server, node, client, test, serverTest } = targets;
  const lists = [server, node, client, test, serverTest];
  return [...new Set(lists.flatMap(({ value }) => value))].sort();
}

function platformsOf({ platforms }: Checkout): readonly string[] {
  return [...new Set(Object.values(platforms).flatMap(({ value }) => value))].sort();
}
