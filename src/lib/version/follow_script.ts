import {
  type BashSource,
  readVersionVars,
  type VersionScriptResult,
  type VersionValue,
} from "../../checkout/mod.ts";
import { askGit, type GitAnswer } from "../../git/mod.ts";
import type { KubeContext } from "../init.ts";

/** How often a script may ask git something more. */
const MAX_ROUNDS = 16;

/** The variables without their prefix. */
export interface OwnVars {
  readonly commit: string | undefined;
  readonly treeState: string | undefined;
  readonly version: string | undefined;
  readonly major: string | undefined;
  readonly minor: string | undefined;
}

/** What git said; undefined where it was not asked. */
export interface Answers {
  readonly head: GitAnswer | undefined;
  readonly status: GitAnswer | undefined;
  readonly described: GitAnswer | undefined;
}

/** What git was asked already, and what it said. */
interface Asked {
  /** Arguments of `git describe`; undefined where it was not asked. */
  readonly described: readonly string[] | undefined;
  readonly answers: Answers;
}

/**
 * Follows what the checkout's own `get_version_vars` does: a fork may set another version than the
 * one that Kubernetes' rules give.
 *
 * @param own What Kubernetes' rules give.
 * @returns What the script sets, with a line for each difference; where the script is not
 * understood, `own` and a line that says so; `ends`: what it prints before it ends the build.
 */
export async function followScript(
  context: KubeContext,
  script: BashSource,
  own: OwnVars,
  asked: Asked,
): Promise<{ vars: OwnVars; notes: readonly string[]; ends?: string }> {
  const result = await interpret(context, script, known(own, asked));
  if (result.kind === "unknown") {
    return {
      vars: own,
      notes: [`The version is by Kubernetes' own rules; what the checkout does: ${result.why}`],
    };
  }
  if (result.kind === "ends") return { vars: own, notes: [], ends: result.output };
  if (result.kind === "asks") return { vars: own, notes: [] };
  const { values } = result;
  const notes: string[] = [];
  // Up to 1.9 a version with "+" has no major and minor. Without a commit no version.sh sets them,
  // though a version that was given tells them.
  const isOpen = (name: string) =>
    (name === "KUBE_GIT_MAJOR" || name === "KUBE_GIT_MINOR") && own.commit !== undefined;
  const follow = (name: string, { value, source }: VersionValue, mine: string | undefined) => {
    if (!value) return isOpen(name) ? undefined : mine;
    if (value === mine || source === undefined) return mine;
    notes.push(
      `${source} sets ${name} to "${value}"` + (mine === undefined ? "" : `, git says "${mine}"`),
    );
    return value;
  };
  return {
    vars: {
      commit: follow("KUBE_GIT_COMMIT", values.KUBE_GIT_COMMIT, own.commit),
      treeState: follow("KUBE_GIT_TREE_STATE", values.KUBE_GIT_TREE_STATE, own.treeState),
      version: follow("KUBE_GIT_VERSION", values.KUBE_GIT_VERSION, own.version),
      major: follow("KUBE_GIT_MAJOR", values.KUBE_GIT_MAJOR, own.major),
      minor: follow("KUBE_GIT_MINOR", values.KUBE_GIT_MINOR, own.minor),
    },
    notes,
  };
}

/** What git is known to say, by the arguments that scripts give. */
function known(
  own: OwnVars,
  { described: asked, answers }: Asked,
): Map<string, string | undefined> {
  const git = new Map<string, string | undefined>();
  const add = (args: readonly string[] | undefined, answer: GitAnswer | undefined) => {
    if (args !== undefined && answer !== undefined) git.set(args.join(" "), answer.text);
  };
  add(["rev-parse", "HEAD^{commit}"], answers.head);
  add(["status", "--porcelain"], withLines(answers.status));
  add(asked, answers.described);
  // Scripts name the commit, which was not known when git was asked.
  const described = asked?.map((word) => word.replace(/^HEAD\^/, `${own.commit}^`));
  add(described, answers.described);
  return git;
}

/** What `git status` prints without `-z`, near enough for scripts that ask whether it is empty. */
function withLines(status: GitAnswer | undefined): GitAnswer | undefined {
  return status?.text === undefined ? status : { text: status.text.replaceAll("\0", "\n") };
}

/** Interprets the script, as often as it asks git something that is not known yet. */
async function interpret(
  context: KubeContext,
  script: BashSource,
  git: Map<string, string | undefined>,
): Promise<VersionScriptResult> {
  const { root, env } = context;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = readVersionVars(script, { root, variables: env, git });
    if (result.kind !== "asks") return result;
    for (const question of result.questions) {
      git.set(question.join(" "), (await askGit(context, question)).text);
    }
  }
  return { kind: "unknown", why: `${script.path} asks git too much` };
}
