/**
 * Port of `hack/lib/version.sh`: the version of a checkout and the linker flags that stamp it.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { askGit, statusPaths } from "../git/mod.ts";
import type { KubeContext } from "./init.ts";
import { ifPresent } from "../files/mod.ts";

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
  /** Paths that make the tree dirty, as `git status` names them; new folders end in a slash. */
  readonly dirtyPaths: readonly string[];
  /** Why something is undefined: what git said. */
  readonly problem: string | undefined;
}

/** The variables in the order in which `kube::version::save_version_vars` writes them. */
const VARIABLES = [
  ["KUBE_GIT_COMMIT", "gitCommit"],
  ["KUBE_GIT_TREE_STATE", "gitTreeState"],
  ["KUBE_GIT_VERSION", "gitVersion"],
  ["KUBE_GIT_MAJOR", "gitMajor"],
  ["KUBE_GIT_MINOR", "gitMinor"],
] as const;

const VERSION_PARTS = /^v([0-9]+)\.([0-9]+)(\.[0-9]+)?([-].*)?([+].*)?$/;
const SEMANTIC_VERSION = /^v([0-9]+)\.([0-9]+)(\.[0-9]+)?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** The two ways out of a tree without a version; every error about one ends with them. */
const WAYS_OUT = [
  "Fetch the tags: git fetch --tags (in a shallow clone: git fetch --unshallow --tags)",
  "Or say which version it is: KUBE_GIT_VERSION=v1.2.3 as an argument or in the environment",
] as const;

/**
 * Port of `kube::version::get_version_vars`. `KUBE_GIT_VERSION_FILE` and `KUBE_GIT_*` of the
 * environment win, then what `git archive` wrote into `hack/lib/version.sh`, then git.
 *
 * @throws {KbuildError} The version that was found is no semantic version, or the version file
 * cannot be read.
 */
export async function getVersionVars(context: KubeContext): Promise<VersionVars> {
  const { env } = context;
  const file = env["KUBE_GIT_VERSION_FILE"];
  if (file !== undefined && file !== "") {
    return await loadVersionVars(resolve(context.root, file), env);
  }

  const script = await ifPresent(Deno.readTextFile(join(context.root, "hack/lib/version.sh"))) ??
    "";
  const archive = readArchiveMarks(script);
  const presetCommit = archive?.commit ?? nonEmpty(env["KUBE_GIT_COMMIT"]);
  const presetState = archive === undefined ? nonEmpty(env["KUBE_GIT_TREE_STATE"]) : "archive";
  const presetVersion = archive?.version ?? nonEmpty(env["KUBE_GIT_VERSION"]);

  // The three questions do not depend on each other, so they are asked at once.
  const git = (...args: string[]) => askGit(context, args);
  const [head, status, described] = await Promise.all([
    presetCommit === undefined ? git("rev-parse", "HEAD^{commit}") : undefined,
    presetState === undefined ? git("status", "--porcelain", "-z") : undefined,
    presetVersion === undefined
      ? git(
        "describe",
        "--tags",
        ...matchTags(script),
        "--abbrev=14",
        describedCommit(presetCommit),
      )
      : undefined,
  ]);

  const commit = presetCommit ?? head?.text?.trim();
  if (commit === undefined) {
    // version.sh leaves major and minor unset here; a version that was given tells them.
    return finish(context, {
      problem: head?.failure?.lines.join(" "),
      gitVersion: presetVersion,
      gitTreeState: presetState,
    });
  }
  const treeState = presetState ?? (status?.text === "" ? "clean" : "dirty");
  const version = presetVersion ?? described?.text?.trim();
  // 1.6-1.13 take any version; later scripts name the rule that they insist on.
  const strict = script === "" || /semantic version|semver/i.test(script);
  return finish(context, {
    gitCommit: commit,
    gitTreeState: treeState,
    gitVersion: version === undefined ? undefined : semanticVersion(version, treeState),
    dirtyPaths: statusPaths(status?.text ?? ""),
    problem: (described?.failure ?? status?.failure)?.lines.join(" "),
  }, strict);
}

/**
 * What `git describe` says as a semantic version: the sed lines of `version.sh`.
 *
 * @example
 * ```ts
 * import { version } from "@k8s/kbuild";
 *
 * console.log(version.semanticVersion("v1.20.0-5-g0123456789abcd", "dirty"));
 * // v1.20.0-5+0123456789abcd-dirty
 * ```
 */
export function semanticVersion(described: string, treeState: string): string {
  const dashes = described.replaceAll(/[^-]/g, "").length;
  let version = described;
  if (dashes === 3) {
    // Distance to a pre-release: v1.1.0-alpha.1-6-g84c76d1142ea4d.
    version = version.replace(/-([0-9]+)-g([0-9a-f]{14})$/, ".$1+$2");
  } else if (dashes === 2) {
    // Distance to a release: v1.1.0-1-g84c76d1142ea4d.
    version = version.replace(/-g([0-9a-f]{14})$/, "+$1");
  }
  return treeState === "dirty" ? `${version}-dirty` : version;
}

function finish(
  context: KubeContext,
  found: Partial<VersionVars>,
  strict = true,
): VersionVars {
  const { gitVersion } = found;
  let gitMajor = nonEmpty(context.env["KUBE_GIT_MAJOR"]);
  let gitMinor = nonEmpty(context.env["KUBE_GIT_MINOR"]);
  const parts = gitVersion === undefined ? null : VERSION_PARTS.exec(gitVersion);
  if (parts !== null) {
    gitMajor = parts[1];
    gitMinor = `${parts[2]}${nonEmpty(parts[4]) === undefined ? "" : "+"}`;
  }
  if (gitVersion !== undefined && strict && !SEMANTIC_VERSION.test(gitVersion)) {
    throw new KbuildError(
      `Cannot use "${gitVersion}" as the version: it is no semantic version (vX.Y.Z[-pre][+meta])`,
      { notes: WAYS_OUT },
    );
  }
  return Object.freeze({
    gitCommit: found.gitCommit,
    gitTreeState: found.gitTreeState,
    gitVersion,
    gitMajor,
    gitMinor,
    dirtyPaths: Object.freeze(found.dirtyPaths ?? []),
    problem: found.problem,
  });
}

/**
 * The variables, if they name a version.
 *
 * @throws {KbuildError} There is none: nothing may be stamped with a placeholder.
 */
export function requireVersion(vars: VersionVars): VersionVars & { gitVersion: string } {
  const { gitVersion } = vars;
  if (gitVersion === undefined) {
    throw new KbuildError("Cannot find the version of this checkout: no tag can be reached", {
      notes: [...(vars.problem === undefined ? [] : [`git says: ${vars.problem}`]), ...WAYS_OUT],
    });
  }
  return { ...vars, gitVersion };
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

/** Scripts before 1.20 describe with every tag, later ones with `--match='v*'`. */
function matchTags(script: string): readonly string[] {
  return script === "" || script.includes("--match=") ? ["--match=v*"] : [];
}

function describedCommit(commit: string | undefined): string {
  return commit === undefined ? "HEAD^{commit}" : `${commit}^{commit}`;
}

/** Port of `kube::version::load_version_vars`, without running the file as a script. */
async function loadVersionVars(
  path: string,
  env: Readonly<Record<string, string>>,
): Promise<VersionVars> {
  const text = await Deno.readTextFile(path).catch((error: unknown) => {
    throw new KbuildError(`Cannot read KUBE_GIT_VERSION_FILE "${path}"`, { cause: error });
  });
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match =
      /^\s*(?:export\s+)?(KUBE_GIT_[A-Z_]+)=(?:'([^']*)'|"([^"$`\\]*)"|([^\s'"$`\\;]*))\s*$/
        .exec(line);
    if (match?.[1] !== undefined) found.set(match[1], match[2] ?? match[3] ?? match[4] ?? "");
  }
  // What the file does not name keeps its value, as with bash's "source".
  const value = (name: string) => nonEmpty(found.get(name) ?? env[name]);
  return Object.freeze({
    gitCommit: value("KUBE_GIT_COMMIT"),
    gitTreeState: value("KUBE_GIT_TREE_STATE"),
    gitVersion: value("KUBE_GIT_VERSION"),
    gitMajor: value("KUBE_GIT_MAJOR"),
    gitMinor: value("KUBE_GIT_MINOR"),
    dirtyPaths: Object.freeze([]),
    problem: undefined,
  });
}

/** Port of `kube::version::save_version_vars`: the text of a version file. */
export function versionFile(vars: VersionVars): string {
  return VARIABLES.map(([name, field]) => `${name}='${vars[field] ?? ""}'\n`).join("");
}

/**
 * `SOURCE_DATE_EPOCH`, else the commit's time, in seconds. Scripts take the present time instead,
 * which makes every build differ; `--strict-parity` brings that back.
 *
 * @throws {KbuildError} `SOURCE_DATE_EPOCH` is no whole number of seconds.
 */
export async function sourceDateEpoch(
  context: KubeContext,
  vars: VersionVars,
  now: () => number = Date.now,
): Promise<number> {
  const given = context.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && given !== "") {
    if (!/^\d{1,12}$/.test(given)) {
      throw new KbuildError(`Cannot use SOURCE_DATE_EPOCH="${given}": it is no number of seconds`, {
        notes: ["Give seconds since 1970, such as SOURCE_DATE_EPOCH=1700000000"],
        exitCode: 2,
      });
    }
    return Number(given);
  }
  if (context.strictParity) return Math.floor(now() / 1000);
  // The commit of a tree from `git archive` may be unknown to the repository it was put into.
  for (const commit of [vars.gitCommit, "HEAD"]) {
    if (commit === undefined) continue;
    const shown = await askGit(context, ["rev-list", "-1", "--timestamp", `${commit}^{commit}`]);
    const seconds = shown.text?.split(" ")[0];
    if (seconds !== undefined && /^\d+$/.test(seconds)) return Number(seconds);
  }
  // A tree from `git archive`: its files carry the commit's time.
  const info = await ifPresent(Deno.stat(join(context.root, "hack/lib/version.sh")));
  return Math.floor((info?.mtime?.getTime() ?? 0) / 1000);
}

/** The time as `date -u +'%Y-%m-%dT%H:%M:%SZ'` prints it. */
export function buildDate(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

/**
 * Port of `kube::version::ldflags`: one `-X` per key and package, in the scripts' order.
 *
 * @param checkout Says which packages take the stamp, and how its era quotes.
 * @param epoch Seconds since 1970 for `buildDate`.
 */
export function ldflags(checkout: Checkout, vars: VersionVars, epoch: number): string {
  const flags: string[] = [];
  const add = (key: string, value: string) => {
    for (const versionPackage of checkout.versionPackages.value) {
      flags.push(`-X '${versionPackage}.${key}=${value}'`);
    }
  };
  add("buildDate", buildDate(epoch));
  if (vars.gitCommit !== undefined) {
    add("gitCommit", vars.gitCommit);
    add("gitTreeState", vars.gitTreeState ?? "");
  }
  if (vars.gitVersion !== undefined) add("gitVersion", vars.gitVersion);
  if (vars.gitMajor !== undefined && vars.gitMinor !== undefined) {
    add("gitMajor", vars.gitMajor);
    add("gitMinor", vars.gitMinor);
  }
  return flags.join(" ");
}

/** The variables as a shell can read them: `kbuild version --shell`. */
export function shellVariables(vars: VersionVars): readonly string[] {
  return Object.freeze(VARIABLES.map(([name, field]) => `${name}='${vars[field] ?? ""}'`));
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
