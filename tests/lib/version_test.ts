import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dirname } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  buildDate,
  getVersionVars,
  ldflags,
  requireVersion,
  semanticVersion,
  shellVariables,
  sourceDateEpoch,
  versionFile,
} from "../../src/lib/version/mod.ts";
import { ENV, which } from "../e2e/_program.ts";
import { openSample } from "./_open.ts";

const sample = await openSample("1.20");
const { context, checkout } = sample;
globalThis.addEventListener("unload", () => {
  Deno.removeSync(dirname(context.root), { recursive: true });
});

Deno.test("semanticVersion() rewrites what git describe says, as version.sh does", () => {
  const hash = "0123456789abcd";
  const table: [string, string, string][] = [
    ["v1.20.2", "clean", "v1.20.2"],
    ["v1.20.2", "archive", "v1.20.2"],
    ["v1.20.2", "dirty", "v1.20.2-dirty"],
    [`v1.20.2-5-g${hash}`, "clean", `v1.20.2-5+${hash}`],
    [`v1.20.2-5-g${hash}`, "dirty", `v1.20.2-5+${hash}-dirty`],
    ["v1.21.0-alpha.1", "clean", "v1.21.0-alpha.1"],
    [`v1.21.0-alpha.1-7-g${hash}`, "clean", `v1.21.0-alpha.1.7+${hash}`],
    // A longer id, where 14 digits are not unique, stays as it is.
    [`v1.20.2-5-g${hash}ef`, "clean", `v1.20.2-5-g${hash}ef`],
  ];
  for (const [described, state, version] of table) {
    assertEquals(semanticVersion(described, state), version);
  }
});

Deno.test("getVersionVars() reads a version file without running it", async () => {
  const file = "version-defs";
  const text = "KUBE_GIT_COMMIT='abc'\nKUBE_GIT_VERSION=\"v9.8.7\"\nKUBE_GIT_MINOR=8\n" +
    "KUBE_GIT_MAJOR=$(touch pwned)\nrm -rf /\n";
  await Deno.writeTextFile(`${context.root}/${file}`, text);
  try {
    const vars = await getVersionVars(sample.withEnv({ KUBE_GIT_VERSION_FILE: file }));
    assertEquals(vars.gitCommit, "abc");
    assertEquals(vars.gitVersion, "v9.8.7");
    assertEquals(vars.gitMinor, "8");
    assertEquals(vars.gitMajor, undefined);
  } finally {
    await Deno.remove(`${context.root}/${file}`);
  }
});

Deno.test("getVersionVars() refuses what is not a semantic version", async () => {
  const error = await assertRejects(
    () => getVersionVars(sample.withEnv({ KUBE_GIT_VERSION: "v1.2.3_x" })),
    KbuildError,
    'Cannot use KUBE_GIT_VERSION="v1.2.3_x" as the version',
  );
  assertEquals(error.notes, ["Write it so: KUBE_GIT_VERSION=v1.2.3-x"]);
});

Deno.test("requireVersion() says why there is none, and the ways out", async () => {
  const vars = await getVersionVars(context);
  assertEquals(requireVersion(vars).gitVersion, "v1.20.2");
  const problem = { why: "there is not a tag", notes: ["git fetch --tags"] };
  const error = assertThrows(
    () => requireVersion({ ...vars, gitVersion: undefined, problem }),
    KbuildError,
    "Cannot find the version of this checkout: there is not a tag",
  );
  assertEquals(error.notes, problem.notes);
});

Deno.test("sourceDateEpoch() is the variable, else the commit's time", async () => {
  const vars = await getVersionVars(context);
  const time = await context.shell.$`git show -s --format=%ct`.with({ cwd: context.root }).text();
  assertEquals(await sourceDateEpoch(context, vars), Number(time));
  assertEquals(await sourceDateEpoch(sample.withEnv({ SOURCE_DATE_EPOCH: "12" }), vars), 12);
  const strict = sample.withEnv({}, { strictParity: true });
  assertEquals(await sourceDateEpoch(strict, vars, () => 5_999), 5);
  await assertRejects(
    () => sourceDateEpoch(sample.withEnv({ SOURCE_DATE_EPOCH: "yesterday" }), vars),
    KbuildError,
    'Cannot use SOURCE_DATE_EPOCH="yesterday"',
  );
  const last = sample.withEnv({ SOURCE_DATE_EPOCH: "253402300799" });
  assertEquals(await sourceDateEpoch(last, vars), 253402300799);
  await assertRejects(
    () => sourceDateEpoch(sample.withEnv({ SOURCE_DATE_EPOCH: "253402300800" }), vars),
    KbuildError,
    'Cannot use SOURCE_DATE_EPOCH="253402300800": it is after the year 9999',
  );
});

/** Names that git takes for tags, and that a shell or go would read as more than a name. */
const HOSTILE_TAGS = [
  "v1.9.0';touch${IFS}pwned;'",
  'v1.9.0";touch${IFS}pwned;"',
  "v1.9.0$(touch${IFS}pwned)",
  "v1.9.0`touch${IFS}pwned`",
  "v1.9.0;touch${IFS}pwned",
  "v1.9.0&touch${IFS}pwned&",
  "v1.9.0|touch${IFS}pwned",
  "v1.9.0>pwned",
  "v1.9.0!touch${IFS}pwned#%s=ü",
  "v1.9.0'-extld=/nonexistent'-linkmode=external",
  "v1.9.0'\"'\"",
];

const SHELLS = ["bash", "dash", "zsh"].filter((name) => which(name) !== undefined);

Deno.test(`shellVariables() run nothing in ${SHELLS.join(", ")}, whatever a tag is named`, async () => {
  const old = await openSample("1.7");
  try {
    const { root, shell } = old.context;
    for (const tag of HOSTILE_TAGS) {
      await shell.$`git tag --force ${tag} && git update-ref refs/tags/${tag} HEAD`
        .with({ cwd: root });
      const tags = await shell.$`git tag`.with({ cwd: root }).lines();
      await shell.$`git tag -d ${tags.filter((other) => other !== tag)}`.with({ cwd: root });
      const vars = await getVersionVars(old.context);
      assertEquals(vars.gitVersion, tag);
      const file = `${root}/../defs`;
      await Deno.writeTextFile(file, versionFile(vars));
      for (const name of SHELLS) {
        const lines = shellVariables(vars).join("\n");
        for (const script of ['eval "$1"', '. "$2"']) {
          const argv = [name, "-c", `${script}; printf %s "$KUBE_GIT_VERSION"`, name, lines, file];
          const { stdout } = await shell.run(argv, { cwd: root });
          assertEquals(stdout, tag, `${name}: ${script}`);
        }
      }
      const loaded = await getVersionVars(old.withEnv({ KUBE_GIT_VERSION_FILE: file }));
      assertEquals(loaded.gitVersion, tag);
      assertEquals(await shell.$`git status --porcelain`.with({ cwd: root }).text(), "");
    }
  } finally {
    await old.remove();
  }
});

Deno.test({
  name: "ldflags() stamp a tag as it is, and give the linker no flags of its own",
  ignore: which("go") === undefined,
  fn: async () => {
    const dir = await Deno.makeTempDir({ prefix: "kbuild-ldflags-" });
    try {
      await Deno.writeTextFile(`${dir}/go.mod`, "module probe\n\ngo 1.18\n");
      const main = { ...checkout, versionPackages: { value: ["main"], source: "test" } };
      const vars = await getVersionVars(context);
      const flagsOf = (gitVersion: string) => ldflags(main, { ...vars, gitVersion }, 0);
      const both = HOSTILE_TAGS.filter((tag) => tag.includes("'") && tag.includes('"'));
      for (const tag of both) assertThrows(() => flagsOf(tag), KbuildError, "Cannot stamp");
      const tags = HOSTILE_TAGS.filter((tag) => !both.includes(tag));
      const names = tags.map((_, index) => `v${index}`);
      await Deno.writeTextFile(
        `${dir}/main.go`,
        `package main\n\nvar ${names.join(", ")} string\n\n` +
          `func main() { for _, v := range []string{${names}} { println(v) } }\n`,
      );
      const flags = tags.map((tag, index) =>
        flagsOf(tag).replace("main.gitVersion=", `main.v${index}=`)
      );
      const run = await context.shell.run(["go", "run", `-ldflags=${flags.join(" ")}`, "."], {
        cwd: dir,
        env: { ...ENV, GOTOOLCHAIN: "local", GOENV: "off" },
      });
      assertEquals(run.tail, tags);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("buildDate() prints UTC without fractions", () => {
  assertEquals(buildDate(1600000000), "2020-09-13T12:26:40Z");
  assertEquals(buildDate(0), "1970-01-01T00:00:00Z");
});

Deno.test("ldflags() stamps each key into each package, in the scripts' order", () => {
  const vars = {
    gitCommit: "c0ffee",
    gitTreeState: "clean",
    gitVersion: "v1.20.2",
    gitMajor: "1",
    gitMinor: "20",
    dirtyPaths: [],
    problem: undefined,
  };
  const text = ldflags(checkout, vars, 0);
  const keys = [...text.matchAll(/-X '(\S+)\.(\w+)=([^']*)'/g)].map((match) => match.slice(1));
  assertEquals(
    keys,
    [
      ["buildDate", "1970-01-01T00:00:00Z"],
      ["gitCommit", "c0ffee"],
      ["gitTreeState", "clean"],
      ["gitVersion", "v1.20.2"],
      ["gitMajor", "1"],
      ["gitMinor", "20"],
    ].flatMap(([key = "", value = ""]) => [
      ["k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version", key, value],
      ["k8s.io/kubernetes/vendor/k8s.io/component-base/version", key, value],
    ]),
  );
});

Deno.test("versionFile() is what save_version_vars writes", () => {
  const text = versionFile({
    gitCommit: "c0ffee",
    gitTreeState: "clean",
    gitVersion: "v1.20.2",
    gitMajor: undefined,
    gitMinor: "20",
    dirtyPaths: [],
    problem: undefined,
  });
  assertEquals(
    text,
    "KUBE_GIT_COMMIT='c0ffee'\nKUBE_GIT_TREE_STATE='clean'\nKUBE_GIT_VERSION='v1.20.2'\n" +
      "KUBE_GIT_MAJOR=''\nKUBE_GIT_MINOR='20'\n",
  );
});
