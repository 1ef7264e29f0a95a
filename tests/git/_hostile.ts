/** A git configuration of the user that is as much in the way as one can be. */
import { join } from "@std/path";

/** What tests need of a {@linkcode hostileGit}. */
export interface HostileGit {
  /** Set these to be under it. */
  readonly env: Readonly<Record<string, string>>;
  /** Programs of the configuration that were started; none should be. */
  started(): Promise<readonly string[]>;
}

/**
 * Writes it below a directory. Filters are not part of it: what made the working tree as it is has to
 * count when git looks for changes.
 */
export async function hostileGit(dir: string): Promise<HostileGit> {
  const log = join(dir, "started.log");
  const hooks = join(dir, "hooks");
  await Deno.mkdir(hooks, { recursive: true });
  await Deno.writeTextFile(log, "");
  const program = async (path: string, name: string) => {
    await Deno.writeTextFile(
      path,
      `#!/bin/sh\necho ${name} >> '${log}'\necho "${name} was here"\n`,
    );
    await Deno.chmod(path, 0o755);
    return path;
  };
  for (
    const hook of [
      ...["post-checkout", "post-index-change", "pre-commit", "reference-transaction"],
      ...["post-commit", "fsmonitor-watchman"],
    ]
  ) await program(join(hooks, hook), hook);
  const [gpg, fsmonitor, pager, textconv, alias] = await Promise.all(
    ["gpg", "fsmonitor", "pager", "textconv", "alias"].map((name) =>
      program(join(dir, name), name)
    ),
  );
  const attributes = join(dir, "attributes");
  await Deno.writeTextFile(
    attributes,
    "* text eol=crlf ident\n*.sh export-ignore\n*.md export-subst diff=evil\n",
  );
  const excludes = join(dir, "excludes");
  await Deno.writeTextFile(excludes, "*\n");
  const config = join(dir, "gitconfig");
  await Deno.writeTextFile(
    config,
    `[core]
	abbrev = 4
	attributesFile = ${attributes}
	autocrlf = true
	eol = crlf
	excludesFile = ${excludes}
	fsmonitor = ${fsmonitor}
	hooksPath = ${hooks}
	pager = ${pager}
	quotePath = true
	safecrlf = true
	worktree = /nonexistent
[alias]
	archive = "!${alias}"
	describe = "!${alias}"
	log = "!${alias}"
	rev-list = "!${alias}"
	status = "!${alias}"
[color]
	ui = always
	status = always
[column]
	ui = always
[commit]
	gpgSign = true
[diff]
	external = ${textconv}
	ignoreSubmodules = all
	noprefix = true
	renames = copies
[diff "evil"]
	textconv = ${textconv}
[format]
	pretty = oneline
[gpg]
	program = ${gpg}
[i18n]
	logOutputEncoding = UTF-16
	commitEncoding = ISO-8859-1
[init]
	defaultBranch = strange
	templateDir = ${hooks}
[log]
	abbrevCommit = true
	date = relative
	decorate = full
	excludeDecoration = refs/tags/*
	showRoot = false
	showSignature = true
[pager]
	archive = ${pager}
	describe = ${pager}
	rev-list = ${pager}
	status = ${pager}
[status]
	branch = true
	relativePaths = true
	renames = copies
	short = true
	showStash = true
	showUntrackedFiles = no
	submoduleSummary = true
[submodule]
	recurse = true
[tag]
	gpgSign = true
	sort = -creatordate
[tar]
	umask = 0077
[trace2]
	normalTarget = 1
[versionsort]
	suffix = -
`,
  );
  return Object.freeze({
    env: Object.freeze({
      GIT_CONFIG_GLOBAL: config,
      // Read where GIT_CONFIG_GLOBAL is not known (before 2.32).
      HOME: dir,
      GIT_PAGER: pager ?? "",
      GIT_PAGER_IN_USE: "1",
      GIT_EXTERNAL_DIFF: textconv ?? "",
      GIT_ICASE_PATHSPECS: "1",
      GIT_OPTIONAL_LOCKS: "1",
      GIT_TRACE: "1",
      LANGUAGE: "de:fr",
      LC_ALL: "de_DE.UTF-8",
    }),
    async started() {
      return (await Deno.readTextFile(log)).split("\n").filter((line) => line !== "");
    },
  });
}
