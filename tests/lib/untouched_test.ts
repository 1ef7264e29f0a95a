/** Nothing to do is known without Go, and what is known is never wrong. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join, relative } from "@std/path";
import {
  buildBinaries,
  lookAhead,
  openRecords,
  prepareBuild,
  verifyGoVersion,
} from "../../src/lib/golang/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { copyTree, missingFor, unless, which } from "../e2e/_program.ts";
import { randomNumbers } from "../bash/_mutations.ts";
import { openSample } from "./_open.ts";

const TRIES = Number(Deno.env.get("KBUILD_TEST_CHANGES") ?? 6);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1_000_000);
/** Longer than files count as young. */
const SETTLED_MS = 3100;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A sample, and builds of its kubectl. */
async function openBuilds() {
  const sample = await openSample("1.20");
  const { checkout, context: { root, env } } = sample;
  const starts: string[] = [];
  let log = "";
  const contextWith = (more: Record<string, string>) =>
    createContext({
      root,
      env: { ...env, ...more },
      log: createLogger({ write: (text) => void (log += text) }),
      shell: createShell({
        cwd: root,
        env: { ...env, ...more },
        onStart: ({ argv }) => void starts.push(argv.slice(0, 2).join(" ")),
      }),
    });
  const context = contextWith({});
  const vars = await getVersionVars(context);
  const host = (await verifyGoVersion(context, checkout)).host;
  const targets = ["cmd/kubectl"];
  const matrix = [{ platform: host, targets }];
  /**
   * Builds as `kbuild all` does; returns the go commands that it took.
   *
   * @param meanwhile Happens between the look at the sources and the build.
   */
  const build = async (
    more: Record<string, string> = {},
    meanwhile: () => Promise<void> = () => Promise.resolve(),
  ): Promise<readonly string[]> => {
    const used = contextWith(more);
    const go = await verifyGoVersion(used, checkout);
    const records = await openRecords(used);
    await lookAhead(used, records, targets);
    const prepared = await prepareBuild(used, checkout, { matrix, vars, epoch: 0, go });
    await meanwhile();
    starts.length = 0;
    log = "";
    await buildBinaries(used, checkout, prepared, { records });
    return starts.filter((start) => /\/go \w+$/.test(start)).map((start) => start.split(" ")[1]!);
  };
  const binary = join(context.binPath, host, "kubectl");
  const digest = async () => {
    const bytes = await crypto.subtle.digest("SHA-256", await Deno.readFile(binary));
    return [...new Uint8Array(bytes)].join(" ");
  };
  /** What a build gives that knows nothing of earlier ones, but for Go's own cache. */
  const clean = async (more: Record<string, string> = {}): Promise<string> => {
    const kept = [".kbuild", "bin", "go/bin"].map((name) => join(context.output, name));
    for (const path of kept) await Deno.rename(path, `${path}.kept`);
    try {
      await build(more);
      return await digest();
    } finally {
      for (const path of kept) {
        // A build that fails leaves less.
        await Deno.remove(path, { recursive: true }).catch(() => {});
        await Deno.rename(`${path}.kept`, path);
      }
    }
  };
  return { ...{ root, context, build, clean, digest, log: () => log }, remove: sample.remove };
}

/** A file of package main whose number ends up in the program. */
function numbered(number: number): string {
  const text = String(number).padStart(4, "0");
  return `package main\n\nimport "os"\n\nfunc init() {\n\tif len(os.Args) > 99 {\n\t\tprintln("${text}")\n\t}\n}\n`;
}

/** The variables of the builds that follow. */
interface Settings {
  env: Record<string, string>;
}

/** Embeds a directory, in which other directories may be empty. */
const TREE = `package main

import (
\t"embed"
\t"os"
)

//go:embed tree
var tree embed.FS

func init() {
\tif len(os.Args) > 99 {
\t\tentries, _ := tree.ReadDir("tree")
\t\tprintln(len(entries))
\t}
}
`;

type Change = (root: string, number: number, settings: Settings) => Promise<void>;

/** Each changes something, or seems to. */
const CHANGES: Readonly<Record<string, Change>> = {
  "an edit": (root, number) => Deno.writeTextFile(`${root}/cmd/kubectl/extra.go`, numbered(number)),
  "an edit of the same size with the time set back": async (root, number) => {
    const path = `${root}/cmd/kubectl/extra.go`;
    const { mtime } = await Deno.stat(path);
    await Deno.writeTextFile(path, numbered(number));
    await Deno.utime(path, mtime!, mtime!);
  },
  "a touch": (root) => Deno.utime(`${root}/cmd/kubectl/kubectl.go`, new Date(), new Date()),
  "a new file behind a build tag, then without": async (root, number) => {
    const path = `${root}/cmd/kubectl/tagged.go`;
    const isThere = await Deno.stat(path).then(() => true, () => false);
    const text = numbered(number + 5000);
    await Deno.writeTextFile(path, isThere ? text : `//go:build never\n\n${text}`);
  },
  "a removed file": (root) => Deno.remove(`${root}/cmd/kubectl/tagged.go`).catch(() => {}),
  "a renamed file": async (root) => {
    const [from, to] = ["extra.go", "extra_windows.go"].map((name) =>
      `${root}/cmd/kubectl/${name}`
    );
    await Deno.rename(from!, to!).catch(() => Deno.rename(to!, from!));
  },
  "an edit below staging": (root, number) =>
    Deno.writeTextFile(
      `${root}/staging/src/k8s.io/component-base/version/extra.go`,
      numbered(number).replace("package main", "package version"),
    ),
  "an embedded file": async (root, number) => {
    await Deno.mkdir(`${root}/cmd/kubectl/data/deep`, { recursive: true });
    await Deno.writeTextFile(`${root}/cmd/kubectl/data/deep/text`, `text ${number}`);
    await Deno.writeTextFile(
      `${root}/cmd/kubectl/embed.go`,
      `package main\n\nimport (\n\t_ "embed"\n\t"os"\n)\n\n//go:embed data/deep/text\nvar text string\n\n` +
        "func init() {\n\tif len(os.Args) > 99 {\n\t\tprintln(text)\n\t}\n}\n",
    );
  },
  "an embedded file alone": async (root, number) => {
    const path = `${root}/cmd/kubectl/data/deep/text`;
    await Deno.writeTextFile(path, `text ${number + 1}`).catch(() => {});
  },
  "the directory as a copy": async (root) => {
    const path = `${root}/cmd/kubectl`;
    await copyTree(path, `${path}.copy`);
    await Deno.remove(path, { recursive: true });
    await Deno.rename(`${path}.copy`, path);
  },
  "git stash": async (root) => {
    const { code } = await git(root, "stash", "pop");
    if (code !== 0) await git(root, "stash", "--include-untracked");
  },
  "nothing": () => Promise.resolve(),
};

function git(root: string, ...args: string[]): Promise<Deno.CommandOutput> {
  const given = ["-C", root, "-c", "user.name=a", "-c", "user.email=a@b", ...args];
  return new Deno.Command("git", { args: given }).output();
}

/** Variables that change programs, or only the way to them. */
const VARIABLES: readonly Readonly<Record<string, string>>[] = [
  {},
  { GOFLAGS: "-tags=never" },
  { GOGCFLAGS: "all=-N -l" },
  { GOLDFLAGS: "" },
  { GOAMD64: "v3", GOARM64: "v9.0" },
  { GOGC: "50" },
  { TERM: "dumb" },
];

/** Distributions of Go on this machine. */
async function goroots(): Promise<readonly string[]> {
  const own = which("go");
  const found = own === undefined ? [] : [await Deno.realPath(own)];
  for (const directory of ["/usr/lib", "/usr/local"]) {
    for await (const { name } of Deno.readDir(directory)) {
      const path = `${directory}/${name}/bin/go`;
      if (name.startsWith("go") && which("go", dirname(path)) !== undefined) found.push(path);
    }
  }
  return [...new Set(found.map((path) => dirname(dirname(path))))];
}

/** Changes that take longer, or that need what a test with a fixed order has not. */
const MORE_CHANGES: Readonly<Record<string, Change>> = {
  ...CHANGES,
  "a vendored package": async (root, number) => {
    const vendored = `${root}/vendor/example.test/vendored`;
    await Deno.mkdir(vendored, { recursive: true });
    await Deno.writeTextFile(
      `${vendored}/vendored.go`,
      numbered(number).replace("package main", "package vendored"),
    );
    await Deno.writeTextFile(
      `${root}/cmd/kubectl/vendored.go`,
      'package main\n\nimport _ "example.test/vendored"\n',
    );
    const list = `${root}/vendor/modules.txt`;
    const known = await Deno.readTextFile(list).catch(() => "");
    const lines = "# example.test/vendored v1.0.0\n## explicit\nexample.test/vendored\n";
    if (!known.includes(lines)) await Deno.writeTextFile(list, known + lines);
    const mod = await Deno.readTextFile(`${root}/go.mod`);
    const line = "require example.test/vendored v1.0.0\n";
    if (!mod.includes(line)) await Deno.writeTextFile(`${root}/go.mod`, `${mod}\n${line}`);
  },
  "an edit of the vendored package": (root, number) =>
    Deno.writeTextFile(
      `${root}/vendor/example.test/vendored/vendored.go`,
      numbered(number).replace("package main", "package vendored"),
    ),
  "a file below an embedded directory": async (root, number) => {
    const tree = `${root}/cmd/kubectl/tree`;
    await Deno.mkdir(`${tree}/empty`, { recursive: true });
    await Deno.writeTextFile(`${tree}/a`, "a");
    await Deno.writeTextFile(`${tree}.go`, TREE);
    if (number % 2 === 0) await Deno.writeTextFile(`${tree}/empty/b`, `b ${number}`);
  },
  "a file behind a symbolic link": async (root, number) => {
    const [path, link] = [`${root}/linked.txt`, `${root}/cmd/kubectl/linked.go`];
    await Deno.writeTextFile(path, numbered(number));
    await Deno.symlink("../../linked.txt", link).catch(() => {});
  },
  "a file by its other name": async (root, number) => {
    const [path, other] = [`${root}/other.txt`, `${root}/cmd/kubectl/other.go`];
    await Deno.writeTextFile(path, numbered(number));
    await Deno.link(path, other).catch(() => {});
  },
  "a time in the future": (root) => {
    const future = new Date(Date.now() + 3_600_000);
    return Deno.utime(`${root}/cmd/kubectl/kubectl.go`, future, future);
  },
  "an edit with a time of years ago": async (root, number) => {
    const path = `${root}/cmd/kubectl/extra.go`;
    await Deno.writeTextFile(path, numbered(number));
    await Deno.utime(path, 1_000_000_000, 1_000_000_000);
  },
  "another branch": async (root) => {
    const { code } = await git(root, "checkout", "--quiet", "other");
    if (code === 0) return;
    const { code: back } = await git(root, "checkout", "--quiet", "-");
    if (back !== 0) await git(root, "stash", "--include-untracked");
  },
  "a commit on another branch": async (root) => {
    await git(root, "checkout", "--quiet", "-B", "other");
    await git(root, "add", "--all", "cmd", "staging");
    await git(root, "commit", "--quiet", "--message", "other");
  },
  "other variables": (_root, number, settings) => {
    settings.env = { ...settings.env, ...VARIABLES[number % VARIABLES.length] };
    return Promise.resolve();
  },
  "no variables": (_root, _number, settings) => {
    settings.env = { PATH: settings.env["PATH"] ?? "" };
    return Promise.resolve();
  },
  "another Go": async (root, number, settings) => {
    const found = await goroots();
    const sdk = `${root}/../sdk`;
    await Deno.remove(sdk).catch(() => {});
    // The same path leads elsewhere.
    await Deno.symlink(found[number % found.length]!, sdk);
    settings.env = { ...settings.env, PATH: `${sdk}/bin:${Deno.env.get("PATH")}` };
  },
};

Deno.test({
  ...unless(missingFor("1.20"), "nothing to do takes no go; each change is seen"),
  fn: async (t) => {
    const builds = await openBuilds();
    const { build, clean, context, digest, log, root } = builds;
    try {
      await Deno.writeTextFile(`${root}/cmd/kubectl/extra.go`, numbered(1));
      await build();
      await pause(SETTLED_MS);
      assertEquals(await build(), ["list"], "files were young before");
      assertEquals(await build(), []);
      assertEquals(await build({ TERM: "dumb" }), [], "a terminal changes nothing");
      assertEquals(await build({ KBUILD_VERIFY: "y" }), ["list"], "asked for");

      let number = 10;
      for (const [name, change] of Object.entries(CHANGES)) {
        if (name === "nothing") continue;
        await t.step(name, async () => {
          await change(root, number++, { env: {} });
          await build();
          assertEquals(await digest(), await clean());
        });
      }
      await t.step("other variables", async () => {
        await pause(SETTLED_MS);
        await build();
        assertEquals(await build(), []);
        assert((await build({ GOFLAGS: "-tags=never" })).includes("list"));
        assertEquals(await digest(), await clean({ GOFLAGS: "-tags=never" }));
        assert((await build({ CPATH: "/x" })).includes("list"));
      });
      await t.step("a look at the sources that is more than a second old", async () => {
        const path = `${root}/cmd/kubectl/extra.go`;
        const started = await build({}, async () => {
          await pause(1100);
          await Deno.writeTextFile(path, numbered(number++));
        });
        assert(started.includes("list"));
        assertEquals(await digest(), await clean());
      });
      await t.step(
        "what git tracks in the outputs since it was asked more than a second ago",
        async () => {
          const built = relative(root, join(context.gopath, "bin/kubectl"));
          const later = async () => {
            await pause(1100);
            await git(root, "add", "--force", built);
          };
          await assertRejects(() => build({}, later), Error, "git tracks it");
          await git(root, "rm", "--quiet", "--cached", built);
        },
      );
      await t.step("a program that is not what was built", async () => {
        await build();
        const built = join(context.gopath, "bin/kubectl");
        await Deno.writeTextFile(built, "x".repeat((await Deno.stat(built)).size));
        await build();
        assertEquals(await digest(), await clean());
      });
      await t.step("a vendor directory above a package", async () => {
        await pause(SETTLED_MS);
        await build();
        assertEquals(await build(), []);
        await Deno.mkdir(`${root}/cmd/vendor`);
        assert((await build()).includes("list"));
        await Deno.remove(`${root}/cmd/vendor`);
      });
      await t.step("what Go does not agree with is reported, and built", async () => {
        await pause(SETTLED_MS);
        await build();
        assertEquals(await build(), []);
        // As if a change had been overlooked: the record claims another key.
        for (const name of ["sources.json", "builds.json"]) {
          const path = join(context.output, ".kbuild", name);
          const text = await Deno.readTextFile(path);
          await Deno.writeTextFile(path, text.replaceAll(/("key": ?")[0-9a-f]{8}/g, "$100000000"));
        }
        assertEquals(await build(), []);
        assertEquals(await build({ KBUILD_VERIFY: "y" }), ["list", "install"]);
        assertStringIncludes(log(), "please report it");
      });
      for (const damage of ["", "{", "[]", '{"x":1}', "null"]) {
        await Deno.writeTextFile(join(context.output, ".kbuild/sources.json"), damage);
        assert((await build()).includes("list"), damage);
      }
    } finally {
      await builds.remove();
    }
  },
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    `${TRIES} random changes: the program is that of a clean build, and nothing to do takes no go`,
  ),
  fn: async () => {
    console.log(`KBUILD_TEST_SEED=${SEED}`);
    const random = randomNumbers(SEED);
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
    const builds = await openBuilds();
    const count = { without: 0, asked: 0, failed: 0 };
    const settings: Settings = { env: { PATH: Deno.env.get("PATH") ?? "" } };
    try {
      await Deno.writeTextFile(`${builds.root}/cmd/kubectl/extra.go`, numbered(1));
      await builds.build();
      for (let i = 0; i < TRIES; i++) {
        const names = Array.from(
          { length: 1 + Math.floor(random() * 2) },
          () => pick(Object.keys(MORE_CHANGES)),
        );
        const wanted = `try ${i} of seed ${SEED}: ${names.join(", ")}`;
        if (random() < 0.5) {
          await pause(SETTLED_MS);
          await builds.build(settings.env).catch(() => {});
        }
        for (const name of names) {
          await MORE_CHANGES[name]!(builds.root, Math.floor(random() * 1000), settings)
            .catch((error) => {
              if (!(error instanceof Deno.errors.NotFound)) throw error;
            });
        }
        const started = await builds.build(settings.env).catch(() => undefined);
        if (started === undefined) {
          // What does not compile must not be taken for built.
          await assertRejects(() => builds.clean(settings.env), Error, undefined, wanted);
          count.failed += 1;
          continue;
        }
        count[started.length === 0 ? "without" : "asked"] += 1;
        assertEquals(await builds.digest(), await builds.clean(settings.env), wanted);
      }
      console.log(JSON.stringify(count));
    } finally {
      await builds.remove();
    }
  },
});
