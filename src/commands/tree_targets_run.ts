import { join } from "@std/path";
import { findNeeds } from "../checks/mod.ts";
import { findMakeTarget, findRoot } from "../checkout/mod.ts";
import { type Input, parseInput } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { entriesOf, ifPossible, removeTree } from "../files/mod.ts";
import { hostPlatform } from "../lib/util.ts";
import type { Command, CommandContext } from "./context.ts";
import { runMake } from "./make_run.ts";
import type { MakeSources } from "./make_run.ts";
import { launcherOf } from "./launcher.ts";
import { standInsOf } from "./make_shim.ts";

/** Files that the scripts make in the root and leave there, which makes later builds dirty (test-cmd.sh). */
const LEFTOVERS = /^controller-manager\.kubeconfig\.\w{5}$/;
/** Scripts in a recipe. */
const SCRIPTS = /\b(?:hack|build|test)\/[\w./-]+\.sh\b/g;

/** Runs the recipe of a target, after a check of what its scripts need. */
export async function runTreeTarget(
  command: CommandContext,
  input: Input,
  { name, make, sources }: { name: string; make: Command; sources: MakeSources },
): Promise<void> {
  const { cwd, env, globals, shell } = command;
  const root = await findRoot(globals.root ?? cwd);
  const target = await findMakeTarget(root, name);
  if (target === undefined) {
    throw new UsageError(`Cannot run "${name}": this checkout's Makefile has no such target`);
  }
  const scripts = target.recipe.flatMap((line) => line.match(SCRIPTS) ?? []);
  const context = {
    ...{ env, host: hostPlatform(), root, shell },
    hasMake: launcherOf(env) !== undefined,
    hasGnuTools: standInsOf(env) !== undefined,
  };
  const missing = await findNeeds(context, scripts.map((path) => ({ path, argv: ["bash", path] })));
  if (missing.size > 0) {
    throw new KbuildError(`Cannot run "${name}": its scripts cannot run here`, {
      notes: [...missing].map(([path, needs]) => `${path} needs ${needs.join(", ")}`),
    });
  }
  const what = [...input.list("what") ?? [], ...input.args].join(" ");
  const words = Object.entries(input.variables).map(([key, value]) => `${key}=${value}`);
  const more = what === "" ? [] : [`WHAT=${what}`];
  const given = parseInput([name, "--directory", root, ...words, ...more], make);
  const before = new Set(await leftovers(root));
  try {
    await runMake(command.forCommand(make, given), given, sources);
  } catch (error) {
    if (!(error instanceof KbuildError) || error.exitCode !== 2 || error instanceof UsageError) {
      throw error;
    }
    const { message, notes, output } = error;
    throw new KbuildError(message, { notes, output, cause: error });
  } finally {
    for (const each of await leftovers(root)) {
      if (!before.has(each)) await ifPossible(removeTree(join(root, each)));
    }
  }
}

async function leftovers(root: string): Promise<readonly string[]> {
  const entries = await entriesOf(root) ?? [];
  return entries.filter(({ isFile, name }) => isFile && LEFTOVERS.test(name)).map(({ name }) =>
    name
  );
}
