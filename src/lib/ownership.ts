import type { OwnershipContext, Tracked } from "../files/mod.ts";
import { runGit, trackedByIndex } from "../git/mod.ts";
import { CommandError, type Shell } from "../shell/mod.ts";

/** Options of {@linkcode ownershipContext}. */
export interface OwnershipOptions {
  /** Starts git. */
  shell: Shell;
  /** The user's environment; `HOME` is kept. */
  env: Readonly<Record<string, string>>;
  /** The checkout, if the run has one. */
  root?: string | undefined;
  /** The working directory of the user. */
  cwd?: string | undefined;
}

/** What decides in one run whether something may be removed or replaced (`files.checkDisposable`). */
export function ownershipContext(options: OwnershipOptions): OwnershipContext {
  const { shell, env, root, cwd } = options;
  const kept = [
    { path: root, what: "the checkout" },
    { path: env["HOME"], what: "the home directory" },
    {
      path: cwd,
      what: "the working directory",
      advice: "change to another one",
      writable: true,
    },
  ];
  return Object.freeze({
    kept: Object.freeze(
      kept.flatMap(({ path, ...rest }) =>
        path === undefined || path === "" ? [] : [Object.freeze({ path, ...rest })]
      ),
    ),
    tracked: (directory: string, name: string) => trackedFiles(shell, env, directory, name),
  });
}

/**
 * The files that git tracks at or below `name`. The repository is the one around `directory`, whatever
 * `GIT_DIR` says, and nothing of the user's settings changes the answer. git refuses repositories of
 * other users by default, because their settings name programs; none of those runs here. Where git is
 * missing or fails, the repository's index is read.
 */
async function trackedFiles(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  directory: string,
  name: string,
): Promise<Tracked> {
  const args = ["-c", "safe.directory=*", "ls-files", "-z", "--", name];
  let why = "git is missing";
  try {
    const { code, stdout, tail } = await runGit(shell, args, {
      cwd: directory,
      env: gitEnvironment(env),
      allowed: "any",
    });
    if (code === 0) return { files: stdout.split("\0").filter((path) => path !== "") };
    why = tail.at(-1) ?? `git exited with status ${code}`;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
  const files = await trackedByIndex(directory, name);
  return files === undefined ? { unknown: why } : { files };
}

function gitEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  const others = Object.entries(env).filter(([name]) => !/^GIT_(?!EXEC_PATH$)/.test(name));
  return {
    ...Object.fromEntries(others),
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_NO_LAZY_FETCH: "1",
  };
}
