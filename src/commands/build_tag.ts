import { KbuildError } from "../errors.ts";
import { entriesOf } from "../files/mod.ts";
import { askGit, runGit, saidBy } from "../git/mod.ts";
import { checkPlace } from "./check_place.ts";
import type { CommandContext } from "./context.ts";
import { releaseCheckout } from "./release_run.ts";

/** Files are those of the commit, whatever the user's settings make of line ends. */
const AS_COMMITTED = ["core.autocrlf=false", "core.eol=lf"] as const;

/**
 * Clones the checkout around at a tag, and makes a release of it, for the platforms of `quick-release` or those that
 * are asked for.
 *
 * @param options.tag `v1.30.2`.
 * @param options.directory New or empty; absolute. It is kept.
 * @param options.jobs Platforms at once.
 * @returns The output root of the release; absolute.
 * @throws {KbuildError} There is no such tag, the directory has files, or the release cannot be made.
 */
export async function buildTag(
  command: CommandContext,
  { tag, directory, jobs }: { tag: string; directory: string; jobs: number | undefined },
): Promise<string> {
  const { log, shell } = command;
  const context = await command.locate();
  const { root, env } = context;
  const [first] = await entriesOf(directory) ?? [];
  if (first !== undefined) {
    throw new KbuildError(
      `Cannot build ${tag} in "${directory}": the directory has "${first.name}"`,
      {
        notes: [
          "Name a new or an empty directory",
          `Or compare what is in it: kbuild verify-release ${tag} DIR`,
        ],
      },
    );
  }
  await checkPlace(command, directory, `build ${tag} in`);
  const { failure } = await askGit(context, ["rev-parse", "--verify", `refs/tags/${tag}^{commit}`]);
  if (failure !== undefined) {
    throw new KbuildError(`Cannot build ${tag}: there is no such tag in "${root}"`, {
      notes: [...saidBy(failure), "Fetch it: git fetch --tags"],
    });
  }
  log.status(`Cloning ${tag} into ${directory}`);
  const settings = AS_COMMITTED.flatMap((setting) => ["--config", setting]);
  await runGit(shell, ["clone", "--quiet", ...settings, "--branch", tag, "--", root, directory], {
    ...{ cwd: root, env, doing: "git clone", label: "Cloning the checkout" },
  });
  // Files with export-subst name the branches that are at the commit, those of remotes, too.
  await runGit(shell, ["remote", "remove", "origin"], { cwd: directory, env });
  const open = await command.openAt(directory);
  await releaseCheckout(command, open, {
    ...{ what: command.name, jobs, baseImages: [], bases: undefined, fastbuild: true },
  });
  return open.context.outputRoot;
}
