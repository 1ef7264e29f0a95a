/**
 * The commands of kbuild: each is data plus what it does, and composes the modules below.
 *
 * @module
 */
import { ifPossible } from "../files/mod.ts";
import { findCommand, variablesOf } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { findRoot } from "../checkout/mod.ts";
import { all, commandFor, cross } from "./all.ts";
import { clean } from "./clean.ts";
import { compare } from "./compare.ts";
import { completionCommand } from "./completion.ts";
import type { Command } from "./context.ts";
import { demo } from "./demo.ts";
import { images } from "./images.ts";
import { inspect } from "./inspect.ts";
import { env, platforms, targets } from "./look.ts";
import { planCommand } from "./plan.ts";
import { packageTarballsCommand, quickRelease, release } from "./release.ts";
import { toolchain } from "./toolchain.ts";
import { verifyReleaseCommand } from "./verify_release.ts";
import { version } from "./version.ts";

export { type Command, type CommandContext, makeCommandContext } from "./context.ts";
export { TOPICS } from "./topics.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = Object.freeze([
  demo,
  all,
  cross,
  release,
  quickRelease,
  packageTarballsCommand,
  images,
  verifyReleaseCommand,
  compare,
  inspect,
  planCommand({
    find: (name, start) => findCommand(name, COMMANDS, (word) => targetCommand(word, start)),
    variables: () => COMMANDS.flatMap(variablesOf),
  }),
  version,
  env,
  targets,
  platforms,
  toolchain,
  clean,
  completionCommand(() => COMMANDS),
]);

/**
 * The command `kbuild NAME` for a folder of `cmd/` (or `ginkgo`), as the root Makefile makes a
 * target of each.
 *
 * @param start Where to look for the checkout.
 * @throws {UsageError} There is no such folder, but one with a name much like it.
 */
export async function targetCommand(name: string, start: string): Promise<Command | undefined> {
  const root = await ifPossible(findRoot(start));
  if (root === undefined) return undefined;
  const { commandNames } = await import("../lib/golang/mod.ts");
  const folders = await commandNames(root);
  if (folders.includes(name)) return commandFor(name, `cmd/${name}`);
  if (name === "ginkgo") return commandFor(name, "ginkgo");
  const others = COMMANDS.flatMap((command) => [command.name, ...command.aliases ?? []]);
  const near = nearest(name, [...others, "help", ...folders], 3);
  // What is near a command alone is said by the command line itself.
  if (!near.some((word) => folders.includes(word))) return undefined;
  throw new UsageError(`Unknown command "${name}"`, [
    ...didYouMean(near),
    '"kbuild help" lists the commands, "kbuild targets" what can be built',
  ]);
}
