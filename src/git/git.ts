import { CommandError, type RunOptions, type RunResult, type Shell } from "../shell/mod.ts";

/** What is needed to ask git about a checkout; a `KubeContext` has it all. */
export interface GitContext {
  /** The checkout; absolute. */
  readonly root: string;
  /** The environment that kbuild was started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts git. */
  readonly shell: Shell;
}

/** How git is run: all of `RunOptions`, where directory and environment must be named. */
export type GitRunOptions = GitOptions & Required<Pick<RunOptions, "cwd" | "env">>;

/** How git answers a question. */
export interface GitOptions extends RunOptions {
  /** git may write what it has learned of the files into its index, as it does for its user. Default: no. */
  readonly mayWriteIndex?: boolean | undefined;
  /** Paths are taken as they are. Default: yes; `check-ignore`, which does so anyway, refuses to be told. */
  readonly literalPaths?: boolean | undefined;
}

/** What git answered. */
export type GitAnswer =
  | {
    /** What it printed. */
    readonly text: string;
    readonly failure?: undefined;
  }
  | { readonly text?: undefined; readonly failure: GitFailure };

/** Why git did not answer. */
export interface GitFailure {
  /**
   * What went wrong: git cannot be started (`no git`); it takes no directory for a repository, refuses that of
   * another user, or finds no commit in it; anything else.
   */
  readonly kind: "no git" | "no repository" | "other owner" | "no commit" | "other";
  /** What git said, or why it cannot be started: one line each, never empty. */
  readonly lines: readonly string[];
}

/**
 * Settings that change answers, or run programs of their own, and that kbuild decides. What made the
 * working tree as it is (`core.autocrlf`, attributes, filters) and whom git trusts
 * (`safe.directory`) stay the user's. git before 2.18 ignores those that it does not know.
 */
const SETTINGS: readonly string[] = Object.freeze([
  "color.ui=false",
  "core.abbrev=auto",
  // Empty turns it off in every git; "false" was the name of a program before 2.36.
  "core.fsmonitor=",
  "core.hooksPath=/dev/null",
  "core.quotePath=false",
  "diff.ignoreSubmodules=none",
  "diff.renames=false",
  "i18n.logOutputEncoding=UTF-8",
  "log.showSignature=false",
  "status.renames=false",
  "status.showUntrackedFiles=normal",
]);

/** Variables that change how git reads its arguments or attributes. */
const DROPPED: readonly string[] = Object.freeze([
  "GIT_ATTR_SOURCE",
  "GIT_DIFF_OPTS",
  "GIT_EXTERNAL_DIFF",
  "GIT_GLOB_PATHSPECS",
  "GIT_ICASE_PATHSPECS",
  "GIT_NOGLOB_PATHSPECS",
  "GIT_PAGER_IN_USE",
]);

/** The program and its arguments, as {@linkcode runGit} starts them. */
export function gitCommand(args: readonly string[]): readonly string[] {
  return ["git", ...SETTINGS.flatMap((setting) => ["-c", setting]), ...args];
}

/**
 * Starts git: the one place that does, so that no setting, hook or variable of the user changes what
 * it answers.
 *
 * @param args A git command and its arguments; `--git-dir` and the like may precede it.
 * @throws {CommandError} git is missing or failed.
 */
export async function runGit(
  shell: Shell,
  args: readonly string[],
  { literalPaths = true, mayWriteIndex = false, ...options }: GitRunOptions,
): Promise<RunResult> {
  const env = {
    ...gitEnvironment(options.env, { literalPaths }),
    GIT_OPTIONAL_LOCKS: mayWriteIndex ? "1" : "0",
  };
  return await shell.run(gitCommand(args), { ...options, env });
}

function gitEnvironment(
  env: Readonly<Record<string, string>>,
  { literalPaths }: { literalPaths: boolean },
): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !DROPPED.includes(name));
  return {
    ...Object.fromEntries(kept),
    // A path is a path, whatever it contains.
    GIT_LITERAL_PATHSPECS: literalPaths ? "1" : "0",
    GIT_TERMINAL_PROMPT: "0",
    // What git says is read: not in the user's language.
    LC_ALL: "C",
  };
}

/**
 * Asks git about a checkout, in its root and with it as the working tree, as Kubernetes' scripts do.
 *
 * @param args A git command that only looks.
 * @throws {InterruptedError} The run was ended.
 */
export async function askGit(
  { root, env, shell }: GitContext,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitAnswer> {
  try {
    const command = args.find((arg, i) => !arg.startsWith("-") && args[i - 1] !== "-c");
    const result = await runGit(shell, ["--work-tree", root, ...args], {
      ...options,
      doing: `git ${command}`,
      cwd: root,
      env,
      allowed: "any",
    });
    if (result.code === 0) return { text: result.stdout };
    const lines = ownWords(result.tail, result.code);
    return failed({ kind: kindOf(lines), lines });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const isMissing = error.code === undefined && error.signal === undefined;
    return failed({ kind: isMissing ? "no git" : "other", lines: [error.message] });
  }
}

function failed({ kind, lines }: GitFailure): GitAnswer {
  return Object.freeze({ failure: Object.freeze({ kind, lines: Object.freeze(lines) }) });
}

/** git has no codes for its failures: the one place that reads their words, which are in English ({@linkcode runGit}). */
function kindOf(lines: readonly string[]): GitFailure["kind"] {
  const text = lines.join("\n");
  if (/dubious ownership|unsafe repository/.test(text)) return "other owner";
  if (/not a git repository/i.test(text)) return "no repository";
  const isUnborn = /unknown revision|Needed a single revision|bad revision/.test(lines[0] ?? "");
  return isUnborn ? "no commit" : "other";
}

/** `12:34:56.789012 git.c:460 trace: …`: a trace that the user's settings ask for. */
const TRACE = /^\d\d:\d\d:\d\d\.\d+ /;

/** From the line that says why on; before it there may be warnings. */
function ownWords(tail: readonly string[], code: number): readonly string[] {
  const said = tail.filter((line) => line.trim() !== "" && !TRACE.test(line));
  const lines = said.slice(Math.max(said.findIndex((line) => /^(fatal|error): /.test(line)), 0));
  return lines.length === 0 ? [`git exited with status ${code}`] : lines;
}

/** A path that `git status` names, and how it differs. */
export interface StatusEntry {
  /** Two letters: `??` for what git does not know, ` M` for a change. */
  readonly code: string;
  /** Path from the root; that of a new directory ends in a slash. */
  readonly path: string;
}

/** What `git status --porcelain -z` prints. */
export function statusEntries(text: string): readonly StatusEntry[] {
  const entries: StatusEntry[] = [];
  let isOldName = false;
  for (const entry of text.split("\0")) {
    if (entry !== "" && !isOldName) {
      entries.push(Object.freeze({ code: entry.slice(0, 2), path: entry.slice(3) }));
    }
    // Some git before 2.18 finds renames all the same: the old name follows the new one.
    isOldName = !isOldName && /^([RC].|.[RC]) /.test(entry);
  }
  return Object.freeze(entries);
}

/** Settings that made the working tree as it is: without them git would see changes, or none. */
const OF_WORKING_TREE =
  "^(core\\.(autocrlf|eol|safecrlf|attributesfile|excludesfile|checkroundtripencoding)|filter\\..*)$";

/**
 * Variables for programs that start git themselves, as Go does for the commit that it stamps: of the
 * user's settings only those count that made the working tree. `log.excludeDecoration` would hide tags
 * from Go, and what was given once cannot be taken back by another value.
 *
 * Whoever calls this has seen that git answers, so that the repository is one that the user trusts. git
 * before 2.32 reads the user's settings all the same.
 */
export async function gitVariables(
  context: GitContext,
): Promise<Readonly<Record<string, string>>> {
  const { text = "" } = await askGit(context, [
    "config",
    "--null",
    "--get-regexp",
    OF_WORKING_TREE,
  ]);
  const kept = text.split("\0").filter((entry) => entry !== "").map((entry): [string, string] => {
    const at = entry.indexOf("\n");
    return at < 0 ? [entry, "true"] : [entry.slice(0, at), entry.slice(at + 1)];
  });
  const decided = SETTINGS.map((setting): [string, string] => {
    const [name = "", value = ""] = setting.split("=");
    return [name, value];
  });
  const all = [...kept, ...decided, ["safe.directory", "*"] as const];
  const entries = all.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return Object.freeze({
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_PARAMETERS: "",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(entries),
  });
}
