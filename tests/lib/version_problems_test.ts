/** The message if there is no version: a cause and a cure for each case, with real git. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import {
  findSourceDate,
  getVersionVars,
  requireVersion,
  type VersionVars,
} from "../../src/lib/version/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { Git } from "./_version_repositories.ts";

type Environment = Readonly<Record<string, string>>;

/** version.sh as far as its rules are read: strict, tags with v, marks of git archive. */
const SCRIPT = `kube::version::get_version_vars() {
  if [[ '$Format:%%$' == "%" ]]; then
    KUBE_GIT_COMMIT='$Format:%H$'
    KUBE_GIT_TREE_STATE="archive"
    if [[ '$Format:%D$' =~ tag:\\ (v[^ ,]+) ]]; then KUBE_GIT_VERSION="\${BASH_REMATCH[1]}"; fi
  fi
  if [[ "\${KUBE_GIT_VERSION-}" =~ ^v([0-9]+)\\.([0-9]+) ]]; then
    KUBE_GIT_MAJOR=\${BASH_REMATCH[1]}
    KUBE_GIT_MINOR=\${BASH_REMATCH[2]}
  fi
  # Semantic Version; describe --match='v*'
}
`;

async function inTemp(body: (git: Git, dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-problems-" }));
  try {
    await Deno.mkdir(join(dir, "base/hack/lib"), { recursive: true });
    await Deno.writeTextFile(join(dir, "base/hack/lib/version.sh"), SCRIPT);
    await Deno.writeTextFile(
      join(dir, "base/.gitattributes"),
      "hack/lib/version.sh export-subst\n",
    );
    await body(new Git(join(dir, "base"), dir), dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function contextOf(root: string, env: Environment): KubeContext {
  const shell = createShell({ cwd: root, env });
  return createContext({ root, env, log: createLogger({ write: () => {} }), shell });
}

interface Case {
  readonly name: string;
  make(git: Git, dir: string): Promise<{ root: string; env?: Environment }>;
  /** The cause. */
  readonly why: string | RegExp;
  /** What helps, without the general way out that ends all of them. */
  readonly notes: readonly (string | RegExp)[];
  /** Provenance when the version is set: of the time, and the notes. */
  readonly told?: readonly [time: string, ...notes: (string | RegExp)[]];
}

const NO_COMMIT = /^No commit is stamped: /;
const GIVEN = "The version is that of KUBE_GIT_VERSION";
const FILE_TIME = /^The time is that of the file hack\/lib\/version\.sh/;

const CASES: readonly Case[] = [
  {
    name: "no git in PATH, in a clone",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k")), env: { PATH: dir } }),
    why: "git cannot be started",
    notes: [/^Cannot start "git"/, /^Install git: /],
    told: ["hack/lib/version.sh", GIVEN, NO_COMMIT, FILE_TIME],
  },
  {
    name: "no git in PATH, and no repository",
    make: async (git, dir) => ({ root: await git.copyBase(join(dir, "k")), env: { PATH: dir } }),
    why: /^"\S+\/k" is neither a git clone nor made by git archive$/,
    notes: [/^Build in a clone/],
  },
  {
    name: "no repository",
    make: async (git, dir) => ({ root: await git.copyBase(join(dir, "k")) }),
    why: /^"\S+\/k" is neither a git clone nor made by git archive$/,
    notes: [/^Build in a clone/],
    told: ["hack/lib/version.sh", GIVEN, NO_COMMIT, FILE_TIME],
  },
  {
    name: "an empty repository",
    make: async (git, dir) => {
      const root = await git.copyBase(join(dir, "k"));
      await git.run(root, "init", "--quiet");
      return { root };
    },
    why: "the repository has no commit yet",
    notes: ["Commit, then tag: git tag v1.2.3"],
    told: ["hack/lib/version.sh", GIVEN, NO_COMMIT, /hack/],
  },
  {
    name: "a repository of another user",
    make: async (git, dir) => ({
      root: await git.init(join(dir, "k"), "v1.20.2"),
      env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" },
    }),
    why: /^git refuses "\S+\/k\/\.git", which belongs to another user$/,
    notes: [/^If you trust it: git config --global --add safe\.directory \S+\/k$/],
    told: ["hack/lib/version.sh", GIVEN, /dubious ownership/, FILE_TIME],
  },
  {
    name: "a damaged repository",
    make: async (git, dir) => {
      const root = await git.init(join(dir, "k"), "v1.20.2");
      await Deno.remove(join(root, ".git/HEAD"));
      return { root };
    },
    why: /^git does not take "\S+\/k\/\.git" for a repository$/,
    notes: [/^git says: fatal: not a git repository/],
  },
  {
    name: "a shallow clone",
    make: async (git, dir) => {
      const from = await git.commits(await git.init(join(dir, "from"), "v1.20.2"), 1);
      await git.run(dir, "clone", "--quiet", "--depth=1", `file://${from}`, "k");
      return { root: join(dir, "k") };
    },
    why: "the clone is shallow, and no tag can be reached",
    notes: ["Fetch the history and the tags: git fetch --unshallow --tags"],
    told: ["commit", GIVEN],
  },
  {
    name: "no tag",
    make: async (git, dir) => ({ root: await git.init(join(dir, "k"), "release-1") }),
    why: 'the repository has no tag that begins with "v"',
    notes: ["Fetch the tags: git fetch --tags", /^A fork without tags: git fetch --tags https:/],
  },
  {
    name: "tags elsewhere in the history",
    make: async (git, dir) => {
      const root = await git.init(join(dir, "k"), "v1.20.2", "v1.20.3");
      await git.run(root, "checkout", "--quiet", "--orphan", "other");
      await git.run(root, "commit", "--quiet", "--message=other");
      return { root };
    },
    why: "none of the 2 tags is in the history of this commit",
    notes: [/^git says: fatal: No tags can describe/, /./, /^Fetch those that are missing/],
  },
  {
    name: "the archive of a branch",
    make: async (git, dir) => {
      const from = await git.commits(await git.init(join(dir, "from"), "v1.20.2"), 1);
      return { root: await git.archive(from, join(dir, "k")) };
    },
    why:
      /^hack\/lib\/version\.sh was written by git archive of the commit [0-9a-f]{12}, which had no tag$/,
    notes: ["Take the archive of a tag, or a clone"],
    told: ["hack/lib/version.sh", GIVEN, FILE_TIME],
  },
  {
    name: "the archive of a branch in a repository whose HEAD has a tag",
    make: async (git, dir) => {
      const from = await git.commits(await git.init(join(dir, "from"), "v1.20.2"), 1);
      const root = await git.archive(from, join(dir, "k"));
      await git.run(root, "init", "--quiet");
      await git.run(root, "add", "--all");
      await git.run(root, "commit", "--quiet", "--message=imported");
      await git.run(root, "tag", "v1.20.9");
      return { root };
    },
    why: /^hack\/lib\/version\.sh was written by git archive of the commit/,
    notes: [
      'HEAD of the repository that it is in has the tag "v1.20.9": KUBE_GIT_VERSION=v1.20.9',
    ],
    told: ["HEAD", GIVEN, /^The time is that of HEAD: git does not know [0-9a-f]{12}/],
  },
];

function assertLike(found: readonly string[], wanted: readonly (string | RegExp)[]): void {
  for (const [index, line] of wanted.entries()) {
    const text = found[index] ?? "";
    assert(typeof line === "string" ? text === line : line.test(text), `${line}: ${text}`);
  }
  assertEquals(found.length, wanted.length, found.join("\n"));
}

/** Version and time when the user says the version, and what is to be known of them. */
async function tell(
  root: string,
  env: Environment,
): Promise<{ vars: VersionVars; time: string; notes: readonly string[] }> {
  const context = contextOf(root, { ...env, KUBE_GIT_VERSION: "v1.30.5" });
  const vars = requireVersion(await getVersionVars(context));
  const date = await findSourceDate(context, vars);
  return { vars, time: date.from, notes: [...vars.notes ?? [], ...date.notes] };
}

for (const { name, make, why, notes, told } of CASES) {
  Deno.test(`getVersionVars() says why there is no version: ${name}`, () =>
    inTemp(async (git, dir) => {
      const { root, env = {} } = await make(git, dir);
      const { problem, gitVersion } = await getVersionVars(contextOf(root, { ...git.env, ...env }));
      assertEquals(gitVersion, undefined);
      assertLike([problem?.why ?? ""], [why]);
      assertLike(problem?.notes ?? [], [...notes, /KUBE_GIT_VERSION=v1\.2\.3 as an argument/]);
      if (told === undefined) return;
      const { vars, time, notes: said } = await tell(root, { ...git.env, ...env });
      assertEquals([vars.gitVersion, vars.gitMajor, vars.gitMinor], ["v1.30.5", "1", "30"]);
      assertEquals(vars.problem, undefined);
      assertLike([time, ...said], told);
    }));
}

Deno.test({
  name: "getVersionVars() names what of a repository cannot be read" +
    (Deno.uid() === 0 ? " (skipped: root reads everything)" : ""),
  ignore: Deno.uid() === 0,
  fn: () =>
    inTemp(async (git, dir) => {
      for (const part of ["", "/HEAD", "/objects"]) {
        const root = await git.init(join(dir, `k${part.slice(1)}`), "v1.20.2");
        const path = `${root}/.git${part}`;
        await Deno.chmod(path, 0);
        try {
          const { problem } = await getVersionVars(contextOf(root, git.env));
          assertEquals(problem?.why, `"${path}" cannot be read: permission denied`);
        } finally {
          await Deno.chmod(path, 0o755);
        }
      }
    }),
});

Deno.test("getVersionVars() says what of a version is not as the name of the tag", () =>
  inTemp(async (git, dir) => {
    const table: readonly [
      given: Environment,
      tag: string,
      commits: number,
      message: string,
      ...notes: string[],
    ][] = [
      [
        { KUBE_GIT_VERSION: "1.20.2" },
        "v1.20.2",
        0,
        'Cannot use KUBE_GIT_VERSION="1.20.2" as the version: it is not a semantic version',
        "Write it so: KUBE_GIT_VERSION=v1.20.2",
      ],
      [
        { KUBE_GIT_VERSION: "foo" },
        "v1.20.2",
        0,
        'Cannot use KUBE_GIT_VERSION="foo" as the version',
        "Give one such as v1.20.2, v1.21.0-alpha.1 or v1.20.2+build.5",
      ],
      [
        {},
        "vendor_2020",
        0,
        'Cannot use the tag "vendor_2020" as the version: it is not a semantic version',
        "Tag the commit with a version: git tag v1.2.3",
      ],
      [{}, "v1.20.2+fork.1", 5, "HEAD is 5 commits past the tag", "Tag the commit itself: git tag"],
    ];
    for (const [index, [given, tag, commits, message, ...notes]] of table.entries()) {
      const root = await git.commits(await git.init(join(dir, String(index)), tag), commits);
      const context = contextOf(root, { ...git.env, ...given });
      const error = await getVersionVars(context).then(() => undefined, (error) => error);
      assertStringIncludes(error?.message ?? "", message);
      for (const note of notes) assertStringIncludes(error.notes.join("\n"), note);
      // The value that is advised is taken.
      const advised = /KUBE_GIT_VERSION=(\S+)/.exec(error.notes.join("\n"))?.[1];
      if (advised !== undefined) {
        const vars = await getVersionVars(
          contextOf(root, { ...git.env, KUBE_GIT_VERSION: advised }),
        );
        assertEquals(vars.gitVersion, advised);
      }
    }
  }));

Deno.test("getVersionVars() says what of kbuild's own makes the tree dirty", () =>
  inTemp(async (git, dir) => {
    const root = await git.init(join(dir, "k"), "v1.20.2");
    await Deno.writeTextFile(join(root, "kbuild.toml"), "");
    await Deno.mkdir(join(root, "_output"));
    await Deno.writeTextFile(join(root, "_output/x"), "");
    const vars = await getVersionVars(contextOf(root, git.env));
    assertEquals(vars.gitVersion, "v1.20.2-dirty");
    assertEquals(vars.notes, [
      'The output "_output/" makes the tree dirty: add it to .git/info/exclude',
      '"kbuild.toml" makes the tree dirty: add it to .git/info/exclude, or put it beside the checkout',
    ]);
    await Deno.writeTextFile(join(root, ".git/info/exclude"), "kbuild.toml\n_output\n");
    const clean = await getVersionVars(contextOf(root, git.env));
    assertEquals([clean.gitVersion, clean.notes], ["v1.20.2", []]);
  }));

Deno.test("getVersionVars() says whose repository a checkout without one is in", () =>
  inTemp(async (git, dir) => {
    const outer = await git.init(join(dir, "outer"), "v9.9.9");
    const root = await git.copyBase(join(outer, "k"));
    const vars = await getVersionVars(contextOf(root, git.env));
    assertEquals(vars.gitVersion, "v9.9.9");
    assertLike(vars.notes ?? [], [
      `Commit and tree state are those of the repository "${outer}", around it`,
    ]);
  }));
