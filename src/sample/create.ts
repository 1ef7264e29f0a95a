import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPossible, reasonOf, removeIfEmpty, removeTree } from "../files/mod.ts";
import { runGit } from "../git/mod.ts";
import type { Shell } from "../shell/mod.ts";
import { eraFacts } from "./eras.ts";
import { fastImport } from "./fast_import.ts";
import { sampleHistory } from "./files.ts";
import type { EraParameter, SampleInfo } from "./types.ts";

/** Options of {@linkcode createSample}. */
export interface CreateSampleOptions {
  /** Where the checkout goes: an absolute path; new, or an empty directory. */
  dir: string;
  /** Which Kubernetes it looks like. */
  era: EraParameter;
  /** Starts git. */
  git: Shell;
  /** The environment: git gets all of it but the variables of its own (`GIT_…`). */
  env: Readonly<Record<string, string>>;
  /** Text that makes this sample differ from others: another commit id. Default: none. */
  seed?: string;
  /** Called when the directory can be used, before anything is made. */
  onStart?: () => void;
}

/**
 * Makes a small look-alike of a Kubernetes checkout: a git repository with tags, clean, HEAD exactly
 * at a version's tag. No network; the commit id is the same on every machine. A sample that cannot
 * be finished is removed again.
 *
 * @example
 * ```ts
 * import { sample, shell } from "@k8s/kbuild";
 *
 * const env = Deno.env.toObject();
 * const dir = await Deno.makeTempDir();
 * const git = shell.createShell({ env, cwd: dir });
 * const { version } = await sample.createSample({ dir, era: "1.20", git, env });
 * console.log(version); // v1.20.2
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @throws {KbuildError} The directory is not empty, is not a directory, or cannot be written.
 * @throws {CommandError} git is missing or failed.
 */
export async function createSample(options: CreateSampleOptions): Promise<SampleInfo> {
  const { dir, era, git: shell, seed } = options;
  const { version, branch } = eraFacts(era);
  const history = sampleHistory(era, seed === undefined ? {} : { seed });
  const head = history.at(-1)!;
  const { stream, tags } = fastImport(history, branch);
  const env = gitEnvironment(options.env);
  const existed = await prepare(dir);
  options.onStart?.();

  const git = async (arguments_: readonly string[], stdin?: string): Promise<string> => {
    const { stdout } = await runGit(shell, arguments_, {
      cwd: dir,
      env,
      label: "Making the sample checkout",
      ...(stdin === undefined ? {} : { stdin }),
    });
    return stdout.trim();
  };
  try {
    await git(["init", "--quiet", "--template="]);
    await configure(dir);
    const commit = await git(["fast-import", "--quiet", "--done"], stream);
    await git(["checkout", "--quiet", "--force", branch]);
    return Object.freeze({
      dir,
      era,
      version,
      commit,
      commitTime: head.time,
      branch,
      tags,
      files: head.files.size,
    });
  } catch (error) {
    await cleanUp(dir, { existed, files: head.files.keys() });
    throw error;
  }
}

/** What git sees: no user or system settings, no repository of the caller. */
function gitEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(env)
    .filter(([name]) => !name.startsWith("GIT_") || name === "GIT_EXEC_PATH");
  return {
    ...Object.fromEntries(kept),
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_DEFAULT_HASH: "sha1",
    // Attributes and ignores of the user's own are looked for in here.
    XDG_CONFIG_HOME: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
}

/** Settings of the repository that users' own settings must not change. */
async function configure(dir: string): Promise<void> {
  const settings =
    "[core]\n\tautocrlf = false\n\teol = lf\n\tfileMode = true\n\tsymlinks = true\n" +
    "\tsafecrlf = false\n[gc]\n\tauto = 0\n";
  await Deno.writeTextFile(join(dir, ".git", "config"), settings, { append: true });
  // Beats attributes of the user's own: files stay as they are, whatever their line ends.
  await Deno.mkdir(join(dir, ".git", "info"), { recursive: true });
  await Deno.writeTextFile(join(dir, ".git", "info", "attributes"), "* -text\n");
}

/** Makes the directory, and says whether it was there. */
async function prepare(dir: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(dir)) {
      throw new KbuildError(`Cannot make a sample in "${dir}": the directory holds "${name}"`, {
        notes: ["Name a new or an empty directory"],
      });
    }
    return true;
  } catch (error) {
    if (error instanceof KbuildError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) throw cannotMake(dir, error);
  }
  try {
    await Deno.mkdir(dir, { recursive: true });
    return false;
  } catch (error) {
    const link = await ifPossible(Deno.readLink(dir));
    if (link === undefined) throw cannotMake(dir, error);
    throw new KbuildError(
      `Cannot make a sample in "${dir}": it is a link to "${link}", which is not there`,
      {
        notes: ["Name a new or an empty directory"],
        cause: error,
      },
    );
  }
}

function cannotMake(dir: string, cause: unknown): KbuildError {
  return new KbuildError(`Cannot make a sample in "${dir}": ${reasonOf(cause)}`, {
    notes: ["Name a new or an empty directory that you may write to"],
    cause,
  });
}

/** Removes what was made, and nothing that appeared there meanwhile; an empty directory only if new. */
async function cleanUp(
  dir: string,
  { existed, files }: { existed: boolean; files: Iterable<string> },
): Promise<void> {
  const names = new Set([".git", ...[...files].map((path) => path.split("/")[0]!)]);
  for (const name of names) await removeTree(join(dir, name));
  if (!existed) await ifPossible(removeIfEmpty(dir));
}
