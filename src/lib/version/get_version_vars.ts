import { dirname, join, relative, resolve } from "@std/path";
import { type BashSource, readVersionScript, VERSION_SCRIPT } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import { ifPresent } from "../../files/mod.ts";
import {
  askGit,
  findRepository,
  type GitAnswer,
  type GitTree,
  openTree,
  statusEntries,
  type TreeHead,
} from "../../git/mod.ts";
import type { KubeContext } from "../init.ts";
import { explainMissing } from "./explain.ts";
import { type Answers, followScript, type OwnVars } from "./follow_script.ts";
import { checkSemantic, semanticVersion, type VersionOrigin } from "./semantic_version.ts";
import { nonEmpty, VARIABLES, type VersionVars } from "./types.ts";
import { loadVersionVars } from "./version_file.ts";

const VERSION_PARTS = /^v([0-9]+)\.([0-9]+)(\.[0-9]+)?([-].*)?([+].*)?$/;

/** Files of kbuild's own that people put into a checkout. */
const OWN_FILES = ["kbuild.toml", "kbuild.json"];

/**
 * Port of `kube::version::get_version_vars`. `KUBE_GIT_VERSION_FILE` and `KUBE_GIT_*` of the
 * environment win, then what `git archive` wrote into `hack/lib/version.sh`, then git, which is not
 * started where everything was given. Additional code of a fork's function is followed.
 *
 * @param tree What git says of the checkout, if the caller asks more of it.
 * @throws {KbuildError} The version that was found is not a semantic version, or the version file or
 * `hack/lib/version.sh` cannot be read.
 */
export async function getVersionVars(
  context: KubeContext,
  tree: GitTree = openTree(context),
): Promise<VersionVars> {
  const { env } = context;
  checkLines(env);
  const file = env["KUBE_GIT_VERSION_FILE"];
  if (file !== undefined && file !== "") {
    return await loadVersionVars(resolve(context.root, file), env);
  }
  const script = await readVersionScript(context.root);
  const given = givenVars(script, env);

  // The three questions do not depend on each other, so they are asked at once.
  const describing = given.version === undefined ? describeArguments(given) : undefined;
  const [head, status, described] = await Promise.all([
    given.commit === undefined ? tree.head().then(asRevParse) : undefined,
    given.treeState === undefined ? tree.status() : undefined,
    describing === undefined ? undefined : askGit(context, describing),
  ]);
  const answers: Answers = { head, status, described };

  const commit = given.commit ?? head?.text?.trim();
  const treeState = given.treeState ??
    (commit === undefined ? undefined : status?.text === "" ? "clean" : "dirty");
  const found = given.version ?? (commit === undefined ? undefined : described?.text?.trim());
  const origin: VersionOrigin = given.versionFrom === "KUBE_GIT_VERSION"
    ? { kind: "variable", given: found ?? "" }
    : { kind: "tag", described: found ?? "" };
  // Without a commit version.sh takes the variable as it is.
  const version = found === undefined || commit === undefined
    ? found
    : semanticVersion(found, treeState ?? "");
  const own: OwnVars = { ...majorMinor(env, version), commit, treeState, version };
  const followed = script === undefined
    ? { vars: own, notes: [] }
    : await followScript(context, script, own, { described: describing, answers });
  const { vars } = followed;
  // 1.6-1.13 take any version; later scripts name the rule that they insist on.
  const isStrict = script === undefined || /semantic version|semver/i.test(script.text);
  if (version !== undefined && version === vars.version && isStrict) checkSemantic(version, origin);
  if (followed.ends !== undefined) throw endedByScript(followed.ends);
  const from = given.versionFrom ?? "git";
  return Object.freeze({
    gitCommit: vars.commit,
    gitTreeState: vars.treeState,
    gitVersion: vars.version,
    gitMajor: vars.major,
    gitMinor: vars.minor,
    dirtyPaths: Object.freeze(statusEntries(status?.text ?? "").map(({ path }) => path)),
    from,
    notes: Object.freeze([
      ...await notesOf(context, { ...vars, from, answers }),
      ...followed.notes,
    ]),
    problem: vars.version !== undefined ? undefined : await explainMissing(context, {
      head: head?.failure,
      described: described?.failure,
      commit: given.commit,
      commitFrom: given.commitFrom,
      matchesV: given.matchesV,
    }),
  });
}

/** What `git rev-parse HEAD^{commit}` would answer. */
function asRevParse({ commit, failure }: TreeHead): GitAnswer {
  return failure === undefined ? { text: `${commit}\n` } : { failure };
}

/** What is stamped is a line: another one would be cut off, or become a flag of the linker. */
function checkLines(env: Readonly<Record<string, string>>): void {
  const name = VARIABLES.map(([name]) => name).find((name) => /[\0\r\n]/.test(env[name] ?? ""));
  if (name === undefined) return;
  throw new KbuildError(`Cannot use ${name}: its value has a line break`, { exitCode: 2 });
}

/** A reason of a fork's own. */
function endedByScript(output: string): KbuildError {
  return new KbuildError(
    `Cannot find the version of this checkout: ${VERSION_SCRIPT} ends the build`,
    {
      output: output.split("\n").filter((line) => line !== ""),
      notes: ["What it checks is in kube::version::get_version_vars"],
    },
  );
}

/** What need not be asked of git. */
interface Given {
  readonly commit: string | undefined;
  readonly commitFrom: "git archive" | "KUBE_GIT_COMMIT" | undefined;
  readonly treeState: string | undefined;
  readonly version: string | undefined;
  readonly versionFrom: "git archive" | "KUBE_GIT_VERSION" | undefined;
  /** Whether only tags that begin with "v" count: scripts before 1.20 take every tag. */
  readonly matchesV: boolean;
}

function givenVars(
  script: BashSource | undefined,
  env: Readonly<Record<string, string>>,
): Given {
  const archive = readArchiveMarks(script?.text ?? "");
  const commit = archive?.commit ?? nonEmpty(env["KUBE_GIT_COMMIT"]);
  const version = archive?.version ?? nonEmpty(env["KUBE_GIT_VERSION"]);
  return {
    commit,
    commitFrom: archive !== undefined
      ? "git archive"
      : commit === undefined
      ? undefined
      : "KUBE_GIT_COMMIT",
    treeState: archive === undefined ? nonEmpty(env["KUBE_GIT_TREE_STATE"]) : "archive",
    version,
    versionFrom: archive?.version !== undefined
      ? "git archive"
      : version === undefined
      ? undefined
      : "KUBE_GIT_VERSION",
    matchesV: script === undefined || script.text.includes("--match="),
  };
}

/** What `git archive` wrote in place of `$Format:…$` in `hack/lib/version.sh`. */
function readArchiveMarks(
  script: string,
): { commit: string; version: string | undefined } | undefined {
  if (!/\[\[ '%' == "%" \]\]/.test(script)) return undefined;
  const commit = /KUBE_GIT_COMMIT='([^'$]*)'/.exec(script)?.[1];
  if (commit === undefined || commit === "") return undefined;
  const decoration = /\[\[ '([^']*)' =~ tag:/.exec(script)?.[1] ?? "";
  return { commit, version: /tag: (v[^ ,]+)/.exec(decoration)?.[1] };
}

function describeArguments({ commit, matchesV }: Given): readonly string[] {
  const match = matchesV ? ["--match=v*"] : [];
  return ["describe", "--tags", ...match, "--abbrev=14", `${commit ?? "HEAD"}^{commit}`];
}

function majorMinor(
  env: Readonly<Record<string, string>>,
  version: string | undefined,
): { major: string | undefined; minor: string | undefined } {
  const parts = VERSION_PARTS.exec(version ?? "");
  if (parts === null) {
    return { major: nonEmpty(env["KUBE_GIT_MAJOR"]), minor: nonEmpty(env["KUBE_GIT_MINOR"]) };
  }
  const past = nonEmpty(parts[4]) === undefined ? "" : "+";
  return { major: parts[1], minor: `${parts[2]}${past}` };
}

/** What a user may not expect of a version. */
async function notesOf(
  context: KubeContext,
  found: OwnVars & { from: string; answers: Answers },
): Promise<readonly string[]> {
  const { commit, version, from, answers: { head, status } } = found;
  if (version === undefined) return [];
  const notes: string[] = [];
  if (from === "KUBE_GIT_VERSION") notes.push("The version is that of KUBE_GIT_VERSION");
  if (from === "git archive") {
    notes.push("The version is what git archive wrote into hack/lib/version.sh");
  }
  if (commit === undefined) {
    notes.push(`No commit is stamped: ${head?.failure?.lines[0] ?? "git does not say it"}`);
  } else if (status?.failure !== undefined) {
    notes.push(`The tree counts as dirty, because git status fails: ${status.failure.lines[0]}`);
  }
  if (head?.text !== undefined || status?.text !== undefined) {
    notes.push(...await repositoryNotes(context), ...ownFileNotes(context, status?.text ?? ""));
  }
  return notes;
}

/** A checkout without a repository of its own gets the commit of one around it. */
async function repositoryNotes({ root, env }: KubeContext): Promise<readonly string[]> {
  if (env["GIT_DIR"] || await ifPresent(Deno.lstat(join(root, ".git"))) !== undefined) return [];
  const repository = await findRepository(root);
  if (repository === undefined) return [];
  return [`Commit and tree state are those of the repository "${dirname(repository)}", around it`];
}

/** Files that git does not know and that are there because of kbuild. */
function ownFileNotes(
  { root, output, outputRoot }: KubeContext,
  status: string,
): readonly string[] {
  const outputs = [outputRoot, output].map((path) => relative(root, path).split("/")[0] ?? "");
  return statusEntries(status).filter(({ code }) => code === "??").flatMap(({ path }) => {
    if (OWN_FILES.includes(path)) {
      return [
        `"${path}" makes the tree dirty: add it to .git/info/exclude, or put it beside the checkout`,
      ];
    }
    return outputs.some((name) => path.startsWith(`${name}/`))
      ? [`The output "${path}" makes the tree dirty: add it to .git/info/exclude`]
      : [];
  });
}
