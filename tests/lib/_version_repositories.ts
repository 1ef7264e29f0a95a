/** Repositories of every kind that `version.sh` tells apart, made with real git. */
import { join } from "@std/path";
import { createShell } from "../../src/shell/mod.ts";

type Environment = Readonly<Record<string, string>>;

/** One repository to ask for its version. */
export interface Case {
  readonly name: string;
  /**
   * Makes the checkout below an empty directory.
   *
   * @returns its root, and variables that are set when it is asked.
   */
  make(git: Git, dir: string): Promise<{ root: string; env?: Environment }>;
  /** `KUBE_GIT_VERSION`, with every hexadecimal id as `HASH`; undefined: none can be found. */
  readonly version: string | undefined;
  /** Whether both sides refuse the version that is there. */
  readonly refused?: true;
  /** What kbuild says where there is no version, or where it refuses it. */
  readonly says?: string;
  /** Whether kbuild tells major and minor where `version.sh` leaves them unset. */
  readonly fillsMajorMinor?: true;
  /** Whether kbuild sees a change that the user's settings hide from `version.sh`. */
  readonly seesMore?: true;
  /** Whether `version.sh` takes the words that git could not resolve for a commit. */
  readonly unborn?: true;
}

/** git for the tests: settings of the user and the machine do not count. */
export class Git {
  readonly env: Environment;
  readonly #base: string;

  /**
   * @param base Directory with the files of a checkout.
   * @param home Directory for git's settings; no repository is looked for above it.
   */
  constructor(base: string, home: string) {
    this.#base = base;
    const identity = ["AUTHOR", "COMMITTER"].flatMap((who) => [
      [`GIT_${who}_NAME`, "kbuild"],
      [`GIT_${who}_EMAIL`, "kbuild@localhost"],
      [`GIT_${who}_DATE`, "1600000000 +0000"],
    ]);
    this.env = {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: home,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CEILING_DIRECTORIES: home,
      ...Object.fromEntries(identity),
    };
  }

  /** Runs git in a directory and returns what it prints. */
  async run(dir: string, ...args: string[]): Promise<string> {
    const shell = createShell({ cwd: dir, env: this.env });
    const { stdout } = await shell.run(["git", "-c", "protocol.file.allow=always", ...args]);
    return stdout.trim();
  }

  /** A new repository with one commit of the base's files, and the given tags. */
  async init(dir: string, ...tags: string[]): Promise<string> {
    await this.copyBase(dir);
    await this.run(dir, "init", "--quiet", "--initial-branch=main");
    await this.run(dir, "add", "--all");
    await this.run(dir, "commit", "--quiet", "--message=start");
    for (const tag of tags) await this.run(dir, "tag", "--annotate", "--message=release", tag);
    return dir;
  }

  /** The base's files without a repository. */
  async copyBase(dir: string): Promise<string> {
    await copyDirectory(this.#base, dir);
    return dir;
  }

  /** Adds commits without changes. */
  async commits(dir: string, count: number): Promise<string> {
    for (let n = 0; n < count; n++) {
      await this.run(dir, "commit", "--quiet", "--allow-empty", `--message=more ${n}`);
    }
    return dir;
  }

  /** Unpacks `git archive HEAD` of a repository into a new directory. */
  async archive(repository: string, dir: string): Promise<string> {
    const tar = `${dir}.tar`;
    await this.run(repository, "archive", `--output=${tar}`, "HEAD");
    await Deno.mkdir(dir, { recursive: true });
    await createShell({ cwd: dir, env: this.env }).$`tar -xf ${tar}`;
    return dir;
  }
}

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyDirectory(source, target);
    else if (entry.isFile) await Deno.copyFile(source, target);
  }
}

async function write(root: string, path: string, text: string): Promise<void> {
  await Deno.writeTextFile(join(root, path), text);
}

/** A checkout with tag v1.20.2 and `count` commits after it. */
async function after(git: Git, dir: string, count: number): Promise<string> {
  return await git.commits(await git.init(join(dir, "k"), "v1.20.2"), count);
}

/** The same with what `change` does to it. */
function changed(
  count: number,
  change?: (git: Git, root: string) => Promise<void>,
): Case["make"] {
  return async (git, dir) => {
    const root = await after(git, dir, count);
    await change?.(git, root);
    return { root };
  };
}

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** The table. */
export const CASES: readonly Case[] = [
  {
    name: "an exact tag",
    version: "v1.20.2",
    make: changed(0),
  },
  {
    name: "commits after a tag",
    version: "v1.20.2-3+HASH",
    make: changed(3),
  },
  {
    name: "more than nine commits after a tag",
    version: "v1.20.2-12+HASH",
    make: changed(12),
  },
  {
    name: "an alpha tag",
    version: "v1.21.0-alpha.1",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "v1.21.0-alpha.1") }),
  },
  {
    name: "commits after an alpha tag",
    version: "v1.21.0-alpha.1.2+HASH",
    make: async (git, dir) => ({
      root: await git.commits(await git.init(join(dir, "k"), "v1.21.0-alpha.1"), 2),
    }),
  },
  {
    name: "a beta tag, commits, changes",
    version: "v1.21.0-beta.0.1+HASH-dirty",
    make: async (git, dir) => {
      const root = await git.commits(await git.init(join(dir, "k"), "v1.21.0-beta.0"), 1);
      await write(root, "README.md", "changed\n");
      return { root };
    },
  },
  {
    name: "a fork's tag with +meta",
    version: "v1.20.2+fork.1",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "v1.20.2+fork.1") }),
  },
  {
    name: "commits after a fork's tag with +meta",
    says: 'HEAD is 2 commits past the tag "v1.20.2+fork.1", and a version has one "+" only',
    // "v1.20.2+fork.1-2-gHASH" has two dashes: the hash becomes a second +meta.
    version: undefined,
    refused: true,
    make: async (git, dir) => ({
      root: await git.commits(await git.init(join(dir, "k"), "v1.20.2+fork.1"), 2),
    }),
  },
  {
    name: "a fork's tag with a dash",
    version: "v1.20.2-fork",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "v1.20.2-fork") }),
  },
  {
    name: "a tag with two dashes",
    version: "v1.20.2-rc-1",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "v1.20.2-rc-1") }),
  },
  {
    name: "a tag without patch number",
    version: "v1.20",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "v1.20") }),
  },
  {
    name: "a tag that is not a version",
    version: undefined,
    refused: true,
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "vendor_2020") }),
  },
  {
    name: "a tag that does not start with v",
    version: "v1.20.2-1+HASH",
    make: changed(1, async (git, root) => {
      await git.run(root, "tag", "release-1.20.3");
    }),
  },
  {
    name: "a changed file",
    version: "v1.20.2-dirty",
    make: changed(0, async (_git, root) => {
      await write(root, "README.md", "changed\n");
    }),
  },
  {
    name: "a change that is staged",
    version: "v1.20.2-dirty",
    make: changed(0, async (git, root) => {
      await write(root, "README.md", "changed\n");
      await git.run(root, "add", "README.md");
    }),
  },
  {
    name: "an untracked file only",
    version: "v1.20.2-dirty",
    make: changed(0, async (_git, root) => {
      await write(root, "new ü.go", "package new\n");
    }),
  },
  {
    name: "an ignored file only",
    version: "v1.20.2",
    make: changed(0, async (_git, root) => {
      await write(root, ".git/info/exclude", "*.local\n");
      await write(root, "x.local", "");
    }),
  },
  {
    name: "a file whose time changed only",
    version: "v1.20.2",
    make: changed(0, async (_git, root) => {
      await Deno.utime(join(root, "README.md"), 1_500_000_000, 1_500_000_000);
    }),
  },
  {
    name: "a file whose mode changed only",
    version: "v1.20.2-dirty",
    make: changed(0, async (_git, root) => {
      await Deno.chmod(join(root, "README.md"), 0o755);
    }),
  },
  {
    name: "a shallow clone of an untagged commit",
    says: "the clone is shallow, and no tag can be reached",
    version: undefined,
    make: async (git, dir) => {
      const from = await after(git, dir, 2);
      await git.run(dir, "clone", "--quiet", "--depth=1", `file://${from}`, "shallow");
      return { root: join(dir, "shallow") };
    },
  },
  {
    name: "a shallow clone of a tag",
    version: "v1.20.2",
    make: async (git, dir) => {
      const from = await after(git, dir, 0);
      const url = `file://${from}`;
      await git.run(dir, "clone", "--quiet", "--depth=1", "--branch=v1.20.2", url, "shallow");
      return { root: join(dir, "shallow") };
    },
  },
  {
    name: "no tags",
    says: 'the repository has no tag that begins with "v"',
    version: undefined,
    make: async (git, dir) => ({ root: await git.init(join(dir, "k")) }),
  },
  {
    name: "no tags, and changes",
    says: 'the repository has no tag that begins with "v"',
    version: undefined,
    make: async (git, dir) => {
      const root = await git.init(join(dir, "k"));
      await write(root, "README.md", "changed\n");
      return { root };
    },
  },
  {
    name: "no commits",
    says: "the repository has no commit yet",
    unborn: true,
    version: undefined,
    make: async (git, dir) => {
      const root = await git.copyBase(join(dir, "k"));
      await git.run(root, "init", "--quiet");
      return { root };
    },
  },
  {
    name: "a worktree",
    version: "v1.20.2-1+HASH",
    make: async (git, dir) => {
      const from = await after(git, dir, 1);
      const root = join(dir, "a worktree");
      await git.run(from, "worktree", "add", "--quiet", "-b", "side", root);
      return { root };
    },
  },
  {
    name: "a changed worktree",
    version: "v1.20.2-dirty",
    make: async (git, dir) => {
      const from = await after(git, dir, 0);
      const root = join(dir, "worktree");
      await git.run(from, "worktree", "add", "--quiet", "--detach", root);
      await write(root, "new.go", "package new\n");
      return { root };
    },
  },
  {
    name: "a detached head before the tag of its branch",
    version: "v1.20.1-1+HASH",
    make: async (git, dir) => {
      const root = await git.commits(await git.init(join(dir, "k"), "v1.20.1"), 2);
      await git.run(root, "tag", "--annotate", "--message=release", "v1.20.2");
      await git.run(root, "checkout", "--quiet", "--detach", "HEAD~1");
      return { root };
    },
  },
  {
    name: "an export by git archive of a tag",
    version: "v1.20.2",
    make: async (git, dir) => ({
      root: await git.archive(await after(git, dir, 0), join(dir, "export")),
    }),
  },
  {
    name: "an export of an untagged commit",
    says: "hack/lib/version.sh was written by git archive of the commit",
    version: undefined,
    make: async (git, dir) => ({
      root: await git.archive(await after(git, dir, 1), join(dir, "export")),
    }),
  },
  {
    name: "an export of a tag that was put into a new repository",
    version: "v1.20.2",
    make: async (git, dir) => {
      const root = await git.archive(await after(git, dir, 0), join(dir, "export"));
      await git.run(root, "init", "--quiet");
      await git.run(root, "add", "--all");
      await git.run(root, "commit", "--quiet", "--message=import");
      await git.run(root, "tag", "v9.9.9");
      return { root };
    },
  },
  {
    name: "an export of an untagged commit inside the repository that has it",
    version: "v1.20.2-1+HASH",
    make: async (git, dir) => {
      const from = await after(git, dir, 1);
      return { root: await git.archive(from, join(from, "export")) };
    },
  },
  {
    name: "an export with KUBE_GIT_VERSION",
    version: "v1.20.9",
    make: async (git, dir) => ({
      root: await git.archive(await after(git, dir, 1), join(dir, "export")),
      env: { KUBE_GIT_VERSION: "v1.20.9" },
    }),
  },
  {
    name: "a changed submodule",
    version: "v1.20.2-dirty",
    make: async (git, dir) => {
      const inner = await git.init(join(dir, "inner"));
      const root = await git.init(join(dir, "k"));
      await git.run(root, "submodule", "--quiet", "add", inner, "sub");
      await git.run(root, "commit", "--quiet", "--message=submodule");
      await git.run(root, "tag", "v1.20.2");
      await write(root, "sub/README.md", "changed\n");
      return { root };
    },
  },
  {
    name: "an unchanged submodule",
    version: "v1.20.2",
    make: async (git, dir) => {
      const inner = await git.init(join(dir, "inner"));
      const root = await git.init(join(dir, "k"));
      await git.run(root, "submodule", "--quiet", "add", inner, "sub");
      await git.run(root, "commit", "--quiet", "--message=submodule");
      await git.run(root, "tag", "v1.20.2");
      return { root };
    },
  },
  ...["4", "40"].map((abbrev): Case => ({
    name: `core.abbrev=${abbrev}`,
    version: "v1.20.2-1+HASH",
    make: changed(1, async (git, root) => {
      await git.run(root, "config", "core.abbrev", abbrev);
    }),
  })),
  {
    name: "settings that change what git status prints",
    version: "v1.20.2-dirty",
    make: changed(0, async (git, root) => {
      await git.run(root, "config", "status.short", "false");
      await git.run(root, "config", "status.branch", "true");
      await git.run(root, "config", "color.status", "always");
      await write(root, "new.go", "package new\n");
    }),
  },
  {
    name: "untracked files hidden by the user's settings",
    version: "v1.20.2",
    seesMore: true,
    make: changed(0, async (git, root) => {
      await git.run(root, "config", "status.showUntrackedFiles", "no");
      await write(root, "new.go", "package new\n");
    }),
  },
  {
    name: "a lightweight tag",
    version: "v1.20.3",
    make: changed(1, async (git, root) => {
      await git.run(root, "tag", "v1.20.3");
    }),
  },
  {
    name: "an annotated and a lightweight tag on one commit",
    version: "v1.20.2",
    make: changed(0, async (git, root) => {
      await git.run(root, "tag", "v1.20.3");
    }),
  },
  {
    name: "two lightweight tags on one commit",
    version: "v1.20.2",
    make: async (git, dir) => {
      const root = await git.init(join(dir, "k"));
      await git.run(root, "tag", "v1.20.2");
      await git.run(root, "tag", "v1.20.3-alpha.0");
      return { root };
    },
  },
  {
    name: "two annotated tags on one commit",
    version: "v1.20.2",
    make: async (git, dir) => ({
      root: await git.init(join(dir, "k"), "v1.20.3-alpha.0", "v1.20.2"),
    }),
  },
  {
    name: "a path with a space, $(x) and ü",
    version: "v1.20.2-dirty",
    make: async (git, dir) => {
      const root = await git.init(join(dir, "a b $(x) ü"), "v1.20.2");
      await write(root, "new.go", "package new\n");
      return { root };
    },
  },
  {
    name: "KUBE_GIT_VERSION",
    version: "v1.20.7",
    make: async (git, dir) => ({
      root: await after(git, dir, 1),
      env: { KUBE_GIT_VERSION: "v1.20.7" },
    }),
  },
  {
    name: "KUBE_GIT_VERSION as git describe prints it, in a changed tree",
    version: "v1.20.7-4+HASH-dirty",
    make: async (git, dir) => {
      const root = await after(git, dir, 1);
      await write(root, "new.go", "package new\n");
      return { root, env: { KUBE_GIT_VERSION: "v1.20.7-4-g0123456789abcd" } };
    },
  },
  {
    name: "KUBE_GIT_VERSION that is not a version",
    version: undefined,
    refused: true,
    make: async (git, dir) => ({
      root: await after(git, dir, 0),
      env: { KUBE_GIT_VERSION: "1.20" },
    }),
  },
  {
    name: "KUBE_GIT_VERSION without git",
    version: "v1.20.7",
    fillsMajorMinor: true,
    make: async (git, dir) => ({
      root: await git.copyBase(join(dir, "k")),
      env: { KUBE_GIT_VERSION: "v1.20.7" },
    }),
  },
  {
    name: "nothing without git",
    says: '"',
    version: undefined,
    make: async (git, dir) => ({ root: await git.copyBase(join(dir, "k")) }),
  },
  {
    name: "KUBE_GIT_COMMIT and KUBE_GIT_TREE_STATE",
    version: "v1.20.2",
    make: async (git, dir) => {
      const root = await after(git, dir, 2);
      const commit = await git.run(root, "rev-parse", "HEAD~2");
      await write(root, "new.go", "package new\n");
      return { root, env: { KUBE_GIT_COMMIT: commit, KUBE_GIT_TREE_STATE: "clean" } };
    },
  },
  {
    name: "KUBE_GIT_COMMIT that git does not know",
    says: 'git does not know the commit "0123456789abcdef0123456789abcdef01234567"',
    version: undefined,
    make: async (git, dir) => ({
      root: await after(git, dir, 0),
      env: { KUBE_GIT_COMMIT: COMMIT },
    }),
  },
  {
    name: "KUBE_GIT_COMMIT, TREE_STATE and VERSION without git",
    version: "v1.20.7-dirty",
    make: async (git, dir) => ({
      root: await git.copyBase(join(dir, "k")),
      env: {
        KUBE_GIT_COMMIT: COMMIT,
        KUBE_GIT_TREE_STATE: "dirty",
        KUBE_GIT_VERSION: "v1.20.7",
      },
    }),
  },
  {
    name: "KUBE_GIT_MAJOR and MINOR beside a version",
    version: "v1.20.2-1+HASH",
    make: async (git, dir) => ({
      root: await after(git, dir, 1),
      env: { KUBE_GIT_MAJOR: "7", KUBE_GIT_MINOR: "8" },
    }),
  },
  {
    name: "KUBE_GIT_VERSION_FILE with an absolute path",
    version: "v1.19.4-1+HASH",
    make: async (git, dir) => {
      const file = join(dir, "version defs");
      await Deno.writeTextFile(
        file,
        `KUBE_GIT_COMMIT='${COMMIT}'\nKUBE_GIT_TREE_STATE='clean'\n` +
          "KUBE_GIT_VERSION='v1.19.4-1+0123456789abcd'\n" +
          "KUBE_GIT_MAJOR='1'\nKUBE_GIT_MINOR='19+'\n",
      );
      return { root: await after(git, dir, 0), env: { KUBE_GIT_VERSION_FILE: file } };
    },
  },
  {
    name: "KUBE_GIT_VERSION_FILE in the checkout",
    version: "v1.19.4",
    make: async (git, dir) => {
      const root = await after(git, dir, 0);
      await write(
        root,
        ".dockerized-kube-version-defs",
        `KUBE_GIT_COMMIT=${COMMIT}\nKUBE_GIT_TREE_STATE="archive"\nKUBE_GIT_VERSION='v1.19.4'\n` +
          "KUBE_GIT_MAJOR='1'\nKUBE_GIT_MINOR='19'\n",
      );
      return { root, env: { KUBE_GIT_VERSION_FILE: ".dockerized-kube-version-defs" } };
    },
  },
  {
    name: "KUBE_GIT_VERSION_FILE that leaves something out, and variables",
    version: "v1.19.4",
    make: async (git, dir) => {
      const root = await after(git, dir, 0);
      await write(root, "defs", "KUBE_GIT_VERSION='v1.19.4'\nKUBE_GIT_MINOR=''\n");
      return {
        root,
        env: {
          KUBE_GIT_VERSION_FILE: "defs",
          KUBE_GIT_COMMIT: COMMIT,
          KUBE_GIT_TREE_STATE: "dirty",
          KUBE_GIT_VERSION: "v1.0.0",
          KUBE_GIT_MINOR: "20",
        },
      };
    },
  },
  {
    name: "GIT_DIR in the environment",
    version: "v1.20.2",
    make: async (git, dir) => {
      const root = await after(git, dir, 0);
      await Deno.rename(join(root, ".git"), join(dir, "elsewhere"));
      return { root, env: { GIT_DIR: join(dir, "elsewhere") } };
    },
  },
];
