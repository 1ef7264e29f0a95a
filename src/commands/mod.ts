/**
 * The commands of kbuild: each is data plus what it does, and composes the modules below.
 *
 * @module
 */
import { findCommand, variablesOf } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { searchRoot } from "../checkout/mod.ts";
import { all, commandFor, cross, crossInAContainer } from "./all.ts";
import { clean, cleanGenerated, cleanMeta } from "./clean.ts";
import { compare } from "./compare.ts";
import { completionCommand } from "./completion.ts";
import { copyOutput, makeBuildImage, makeClean, run, shell } from "./container.ts";
import type { Command } from "./context.ts";
import { demo } from "./demo.ts";
import { downloadCommand } from "./download.ts";
import { doctor } from "./doctor.ts";
import { timings } from "./timings.ts";
import { generatedFiles, updateCodegen, verifyCodegen, verifyGeneratedFiles } from "./generate.ts";
import { images } from "./images.ts";
import { makeCommand } from "./make.ts";
import { matrixCommand } from "./matrix.ts";
import type { MakeSources } from "./make_run.ts";
import { gnu } from "./gnu.ts";
import { inspect } from "./inspect.ts";
import { env, platforms, targets } from "./look.ts";
import { packagesCommand, rpmCommand } from "./packages.ts";
import { gatherCommand } from "./gather.ts";
import { planCommand, type PlanSources } from "./plan.ts";
import {
  packageTarballsCommand,
  quickRelease,
  quickReleaseImages,
  release,
  releaseImages,
  releaseInAContainer,
} from "./release.ts";
import { bundle } from "./bundle.ts";
import { sbom } from "./sbom.ts";
import { sizes } from "./sizes.ts";
import { test, testIntegration } from "./test.ts";
import { storeCommand } from "./store.ts";
import { toolchain } from "./toolchain.ts";
import { treeTargets } from "./tree_targets.ts";
import { verifyReleaseCommand } from "./verify_release.ts";
import { quickVerify, update, verify } from "./verify.ts";
import { vet } from "./vet.ts";
import { version } from "./version.ts";

export { type Command, type CommandContext, makeCommandContext } from "./context.ts";
export { doctorHint } from "./doctor_hint.ts";
export { TOPICS } from "./topics.ts";

const PLAN_SOURCES: PlanSources = {
  find: (name, start) => findCommand(name, COMMANDS, (word) => targetCommand(word, start)),
  variables: () => COMMANDS.flatMap(variablesOf),
};
const MAKE_SOURCES: MakeSources = { find: makeGoal };
const make = makeCommand(MAKE_SOURCES);

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = Object.freeze([
  demo,
  all,
  cross,
  crossInAContainer,
  release,
  releaseInAContainer,
  quickRelease,
  quickReleaseImages,
  releaseImages,
  gatherCommand(PLAN_SOURCES),
  matrixCommand(PLAN_SOURCES),
  packageTarballsCommand,
  packagesCommand,
  rpmCommand,
  sbom,
  bundle,
  test,
  testIntegration,
  ...treeTargets(() => make, MAKE_SOURCES),
  vet,
  verify,
  quickVerify,
  generatedFiles,
  verifyGeneratedFiles,
  update,
  updateCodegen,
  verifyCodegen,
  images,
  run,
  shell,
  makeBuildImage,
  copyOutput,
  downloadCommand,
  verifyReleaseCommand,
  compare,
  sizes,
  inspect,
  doctor,
  timings,
  make,
  planCommand(PLAN_SOURCES),
  version,
  env,
  targets,
  platforms,
  toolchain,
  storeCommand,
  clean,
  cleanGenerated,
  cleanMeta,
  makeClean,
  gnu,
  completionCommand(() => COMMANDS),
]);

/**
 * The command `kbuild NAME` for a directory of `cmd/` (or `ginkgo`), as the root Makefile makes a
 * target of each.
 *
 * @param start Where to look for the checkout.
 * @throws {UsageError} There is no such directory, but the name is known: it is a make target or a
 * script, or much like a directory's name.
 */
export async function targetCommand(name: string, start: string): Promise<Command | undefined> {
  const { root } = await searchRoot(start);
  const targets = root === undefined ? [] : await targetNames(root);
  const find = (word: string) => {
    const target = targets.find(([known]) => known === word)?.[1];
    if (target !== undefined) return target;
    throw unknownGoal(name, word, targets.map(([known]) => known));
  };
  if (targets.some(([known]) => known === name)) return commandFor(name, find(name), find);
  const names = COMMANDS.flatMap((command) => [command.name, ...command.aliases ?? []]);
  const near = nearest(name, [...names, "help", ...targets.map(([known]) => known)], 3);
  const { explainUnknown } = await import("./unknown_command.ts");
  const known = await explainUnknown(name, start);
  // What is near is more than what is true of every word.
  if (known !== undefined && (near.length === 0 || known.isSpecific)) throw known.error;
  // The command line itself reports what is near a command only.
  if (!near.some((word) => targets.some(([target]) => target === word))) return undefined;
  throw new UsageError(`Unknown command "${name}"`, [
    ...didYouMean(near),
    '"kbuild help" lists the commands, "kbuild targets" what can be built',
  ]);
}

/** Commands of kbuild that are targets of make. */
const MAKE_TARGETS: ReadonlySet<string> = new Set([
  ...["all", "check", "clean", "clean_generated", "clean_meta", "cross", "cross-in-a-container"],
  ...["generated_files", "package", "package-tarballs", "quick-release", "quick-release-images"],
  ...["release", "release-images", "verify_generated_files"],
  ...["release-in-a-container", "release-skip-tests", "test", "test-integration"],
  ...["quick-verify", "update", "verify", "vet"],
]);

/** The command that does what a target of make does, for `kbuild make`. */
async function makeGoal(goal: string, start: string): Promise<Command | undefined> {
  const command = COMMANDS.find((each) =>
    each.name === goal || each.aliases?.includes(goal) === true
  );
  if (command !== undefined) return MAKE_TARGETS.has(goal) ? command : undefined;
  const targets = await targetNames(start);
  const target = targets.find(([known]) => known === goal)?.[1];
  return target === undefined ? undefined : commandFor(goal, target, () => target);
}

/** Names that are commands in a checkout, with the targets that they build. */
async function targetNames(root: string): Promise<readonly (readonly [string, string])[]> {
  const { commandTargets } = await import("../lib/golang/mod.ts");
  return [...await commandTargets(root), ["ginkgo", "ginkgo"]];
}

/** The error for a word after `kbuild kubectl` that is not such a name. */
function unknownGoal(name: string, word: string, targets: readonly string[]): UsageError {
  const isCommand = COMMANDS.some((command) =>
    command.name === word || command.aliases?.includes(word) === true
  );
  return new UsageError(`Cannot build "${word}" with "${name}": it is not a directory in cmd/`, [
    ...(isCommand ? [`Run one after the other: kbuild ${name} && kbuild ${word}`] : []),
    ...didYouMean(nearest(word, targets)),
    "Other targets: kbuild all cmd/kubectl test/e2e/e2e.test",
  ]);
}
