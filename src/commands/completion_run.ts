import { ifPossible } from "../files/mod.ts";
import { type Checkout, findRoot } from "../checkout/mod.ts";
import { type Candidate, type CommandData, completeWords } from "../cli/mod.ts";
import { commandTargets } from "../lib/golang/mod.ts";
import type { CommandContext } from "./context.ts";

/** Prints completions of the last word, each with a tab before its summary. */
export async function printWords(
  command: CommandContext,
  commands: readonly CommandData[],
  words: readonly string[],
): Promise<void> {
  const root = await ifPossible(findRoot(command.cwd));
  const found = await completeWords(commands, words, {
    commands: async () => await folderCommands(root),
    async values(names) {
      if (root === undefined) return undefined;
      const has = (...known: string[]) => known.some((name) => names.includes(name));
      if (has("WHAT", "TARGET")) return targetsOf((await command.openAt(root)).checkout);
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

/** `kbuild kubectl`. */
async function folderCommands(root: string | undefined): Promise<readonly Candidate[]> {
  if (root === undefined) return [];
  const targets = await commandTargets(root);
  return [...targets].map(([word, target]) => ({ word, summary: `Build ${target}` }));
}

function targetsOf({ targets }: Checkout): readonly string[] {
  const { server, node, client, test, serverTest } = targets;
  const lists = [server, node, client, test, serverTest];
  return [...new Set(lists.flatMap(({ value }) => value))].sort();
}

function platformsOf({ platforms }: Checkout): readonly string[] {
  const { server, node, client, test } = platforms;
  return [...new Set([server, node, client, test].flatMap(({ value }) => value))].sort();
}
