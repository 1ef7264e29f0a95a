/** The `KUBE_GIT_*` variables. A field is undefined where `version.sh` leaves it unset. */
export interface VersionVars {
  /** `KUBE_GIT_COMMIT`: 40 hex digits. */
  readonly gitCommit: string | undefined;
  /** `KUBE_GIT_TREE_STATE`: "clean", "dirty", or "archive" for a tree from `git archive`. */
  readonly gitTreeState: string | undefined;
  /** `KUBE_GIT_VERSION`: `v1.20.2`, `v1.21.0-alpha.1.5+0123456789abcd-dirty`. */
  readonly gitVersion: string | undefined;
  /** `KUBE_GIT_MAJOR`: "1". */
  readonly gitMajor: string | undefined;
  /** `KUBE_GIT_MINOR`: "20", or "20+" past a release. */
  readonly gitMinor: string | undefined;
  /** Paths that make the tree dirty, as `git status` names them; new directories end in a slash. */
  readonly dirtyPaths: readonly string[];
  /** Where the version is from: "git", "KUBE_GIT_VERSION", "git archive". */
  readonly from?: string;
  /** What a user may not expect of the version, one sentence each. */
  readonly notes?: readonly string[];
  /** Why there is no version. */
  readonly problem: VersionProblem | undefined;
}

/** Why there is no version, and what to do. */
export interface VersionProblem {
  /** The cause: "no tag can be reached". */
  readonly why: string;
  /** The ways out, one sentence each. */
  readonly notes: readonly string[];
}

/** The variables in the order in which `kube::version::save_version_vars` writes them. */
export const VARIABLES = Object.freeze(
  [
    ["KUBE_GIT_COMMIT", "gitCommit"],
    ["KUBE_GIT_TREE_STATE", "gitTreeState"],
    ["KUBE_GIT_VERSION", "gitVersion"],
    ["KUBE_GIT_MAJOR", "gitMajor"],
    ["KUBE_GIT_MINOR", "gitMinor"],
  ] as const,
);

/** The text, or undefined for an empty one. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
