import { KbuildError } from "../../errors.ts";
import { askGit, explainFailure, type GitFailure, saidBy } from "../../git/mod.ts";
import type { KubeContext } from "../init.ts";
import { VERSION_SCRIPT } from "../../checkout/mod.ts";
import type { VersionProblem, VersionVars } from "./types.ts";

/** The way out of every tree without a version. */
export const SAY_VERSION =
  "Or say which version it is: KUBE_GIT_VERSION=v1.2.3 as an argument or in the environment";

/**
 * The variables, if they name a version.
 *
 * @throws {KbuildError} There is none: nothing may be stamped with a placeholder.
 */
export function requireVersion(vars: VersionVars): VersionVars & { gitVersion: string } {
  const { gitVersion, problem } = vars;
  if (gitVersion === undefined) {
    const why = problem?.why ?? "KUBE_GIT_VERSION_FILE does not have it";
    throw new KbuildError(`Cannot find the version of this checkout: ${why}`, {
      notes: problem?.notes ?? [SAY_VERSION],
      subject: "git",
    });
  }
  return { ...vars, gitVersion };
}

/** What is known where no version was found. */
export interface MissingVersion {
  /** Why git did not say the commit; undefined where it is known. */
  readonly head?: GitFailure | undefined;
  /** Why `git describe` did not find a tag. */
  readonly described?: GitFailure | undefined;
  /** The commit that git described. */
  readonly commit?: string | undefined;
  /** Where the commit is from, if not from git. */
  readonly commitFrom?: "git archive" | "KUBE_GIT_COMMIT" | undefined;
  /** Whether only tags that begin with "v" count. */
  readonly matchesV: boolean;
}

/** Why there is no version: the cause in each case, and what helps there. */
export async function explainMissing(
  context: KubeContext,
  missing: MissingVersion,
): Promise<VersionProblem> {
  const { why, notes } = await explain(context, missing);
  return Object.freeze({ why, notes: Object.freeze([...notes, SAY_VERSION]) });
}

async function explain(context: KubeContext, missing: MissingVersion): Promise<VersionProblem> {
  const { head, described, commitFrom } = missing;
  if (commitFrom === "git archive") return await explainArchive(context, missing);
  const failure = head ?? described;
  if (failure === undefined) return { why: "git describe finds no tag", notes: [] };
  const { kind, why, notes } = await explainFailure(context, failure);
  if (kind === "no repository") {
    return {
      why: `"${context.root}" is neither a git clone nor made by git archive`,
      notes: ["Build in a clone (git clone), or in what git archive makes of a tag"],
    };
  }
  if (kind !== "other" && kind !== "no commit") return { why, notes };
  if (head === undefined) return await explainNoTag(context, missing, failure);
  return kind === "no commit"
    ? { why: "the repository has no commit yet", notes: ["Commit, then tag: git tag v1.2.3"] }
    : { why, notes };
}

/** A tree from `git archive` of a commit without a tag, perhaps put into another repository. */
async function explainArchive(
  context: KubeContext,
  { commit = "", matchesV }: MissingVersion,
): Promise<VersionProblem> {
  const why =
    `${VERSION_SCRIPT} was written by git archive of the commit ${commit.slice(0, 12)}, ` +
    "which had no tag";
  const match = matchesV ? ["--match=v*"] : [];
  const head = await askGit(context, ["describe", "--tags", "--exact-match", ...match, "HEAD"]);
  const tag = head.text?.trim();
  return {
    why,
    notes: tag === undefined
      ? ["Take the archive of a tag, or a clone"]
      : [`HEAD of the repository that it is in has the tag "${tag}": KUBE_GIT_VERSION=${tag}`],
  };
}

async function explainNoTag(
  context: KubeContext,
  { commit, commitFrom, matchesV }: MissingVersion,
  failure: GitFailure,
): Promise<VersionProblem> {
  const ask = (...args: string[]) => askGit(context, args);
  if (commitFrom === "KUBE_GIT_COMMIT") {
    const known = await ask("cat-file", "-e", `${commit}^{commit}`);
    if (known.text === undefined) {
      return {
        why: `git does not know the commit "${commit}" of KUBE_GIT_COMMIT`,
        notes: ["Fetch it, or unset KUBE_GIT_COMMIT"],
      };
    }
  }
  const tags = matchesV ? "refs/tags/v*" : "refs/tags/";
  const [shallow, listed] = await Promise.all([
    ask("rev-parse", "--is-shallow-repository"),
    ask("for-each-ref", "--format=%(refname:short)", tags),
  ]);
  const count = (listed.text ?? "").split("\n").filter((line) => line !== "").length;
  if (shallow.text?.trim() === "true") {
    return {
      why: "the clone is shallow, and no tag can be reached",
      notes: ["Fetch the history and the tags: git fetch --unshallow --tags"],
    };
  }
  if (count === 0) {
    return {
      why: matchesV
        ? 'the repository has no tag that begins with "v"'
        : "the repository has no tag",
      notes: [
        "Fetch the tags: git fetch --tags",
        "A fork without tags: git fetch --tags https://github.com/kubernetes/kubernetes",
      ],
    };
  }
  const some = count === 1 ? "the only tag" : `none of the ${count} tags`;
  return {
    why: `${some} is ${count === 1 ? "not " : ""}in the history of this commit`,
    notes: [...saidBy(failure), "Fetch those that are missing: git fetch --tags"],
  };
}
