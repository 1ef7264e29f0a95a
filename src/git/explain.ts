import { dirname, join } from "@std/path";
import { isDenied } from "../errors.ts";
import { ifPresent, isDirectory, openFile } from "../files/mod.ts";
import { quote } from "../shell/mod.ts";
import type { GitContext, GitFailure } from "./git.ts";

/** Why git does not answer, in words. */
export interface GitExplanation {
  /** What is the matter; "no commit" and "other" where git itself is in order. */
  readonly kind: GitFailure["kind"] | "unreadable" | "damaged";
  /** The cause: "git cannot be started". */
  readonly why: string;
  /** What git says, and what to do: one sentence each. */
  readonly notes: readonly string[];
}

/** Finds out why git did not answer about a checkout: each cause has its own cure. */
export async function explainFailure(
  { root, env }: GitContext,
  failure: GitFailure,
): Promise<GitExplanation> {
  const repository = env["GIT_DIR"] || await findRepository(root);
  const { kind } = failure;
  if (repository === undefined && (kind === "no git" || kind === "no repository")) {
    return { kind: "no repository", why: `"${root}" is not in a git repository`, notes: [] };
  }
  if (kind === "no git") {
    return {
      kind,
      why: "git cannot be started",
      notes: [
        ...failure.lines,
        "Install git: on Debian `apt-get install git`, on macOS `xcode-select --install`",
      ],
    };
  }
  if (kind === "other owner") {
    // git names the directory in its own way, which is not always the root.
    const advice =
      /git config --global --add safe\.directory .*/.exec(failure.lines.join("\n"))?.[0] ??
        `git config --global --add safe.directory ${quote(root)}`;
    return {
      kind,
      why: `git refuses "${repository}", which belongs to another user`,
      notes: [`If you trust it: ${advice.trim()}`],
    };
  }
  const unreadable = repository === undefined ? undefined : await findUnreadable(repository);
  if (unreadable !== undefined) {
    return {
      kind: "unreadable",
      why: `"${unreadable}" cannot be read: permission denied`,
      notes: [`Check who owns it and what its mode is: ls -ld ${quote(unreadable)}`],
    };
  }
  return kind === "no repository"
    ? {
      kind: "damaged",
      why: `git does not take "${repository}" for a repository`,
      notes: saidBy(failure),
    }
    : { kind, why: "git cannot say which commit it is", notes: saidBy(failure) };
}

/** `.git` of a directory or of one above it; undefined if there is none. */
export async function findRepository(root: string): Promise<string | undefined> {
  for (let directory = root;; directory = dirname(directory)) {
    const path = join(directory, ".git");
    if (await ifPresent(Deno.lstat(path)) !== undefined) return path;
    if (dirname(directory) === directory) return undefined;
  }
}

/** Files of a repository that this user may not read. */
async function findUnreadable(repository: string): Promise<string | undefined> {
  const parts = ["HEAD", "config", "index", "objects", "refs"].map((name) =>
    join(repository, name)
  );
  // Of a linked worktree or a submodule it is a file.
  for (const path of [repository, ...await isDirectory(repository) ? parts : []]) {
    try {
      const info = await ifPresent(Deno.stat(path));
      if (info?.isDirectory === true) await Array.fromAsync(Deno.readDir(path));
      else if (info !== undefined) (await openFile(path)).close();
    } catch (error) {
      if (isDenied(error)) return path;
      throw error;
    }
  }
  return undefined;
}

/** What git said, as notes. */
export function saidBy({ lines }: GitFailure): readonly string[] {
  return lines.map((line, index) => index === 0 ? `git says: ${line}` : line);
}
