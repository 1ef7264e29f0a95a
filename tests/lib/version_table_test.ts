/** Holds `kbuild version` against `hack/lib/version.sh` run by bash, in repositories of every kind. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runCli } from "../../src/cli/mod.ts";
import { COMMANDS, makeCommandContext } from "../../src/commands/mod.ts";
import { createSample, type EraParameter, SAMPLE_ERAS } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { findRealTree, NEEDS_TREE, which } from "../real/_tree.ts";
import { type Case, CASES, Git } from "./_version_repositories.ts";

type Environment = Readonly<Record<string, string>>;

/** What a program left. */
interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kbuild in this process. */
async function kbuild(root: string, env: Environment, ...args: string[]): Promise<Answer> {
  let [stdout, stderr] = ["", ""];
  const signal = new AbortController().signal;
  const code = await runCli({
    commands: COMMANDS,
    argv: ["--root", root, ...args],
    env,
    stdout: { write: (text) => void (stdout += text) },
    stderr: { write: (text) => void (stderr += text) },
    version: "0.0.0",
    signal,
    makeContext: (globals, command, input) =>
      makeCommandContext(globals, command, input, { cwd: root, signal }),
  });
  return { code, stdout, stderr };
}

/** Runs a function of the checkout's version.sh; `build/common.sh` sets the same options. */
async function bash(root: string, env: Environment, run: string): Promise<Answer> {
  const script = `set -o errexit -o nounset -o pipefail
KUBE_ROOT=$1
KUBE_GO_PACKAGE=k8s.io/kubernetes
for name in util logging version; do source "$KUBE_ROOT/hack/lib/$name.sh"; done
${run}`;
  const shell = createShell({ cwd: root, env });
  const all = Array.from({ length: 256 }, (_, code) => code);
  const result = await shell.run(["bash", "-c", script, "bash", root], { allowed: all });
  return { code: result.code, stdout: result.stdout, stderr: result.tail.join("\n") };
}

/** Scripts by their names, in place of the sample's. */
type Scripts = Readonly<Record<string, string>>;

/** Files of a checkout that a version is asked of: the sample's, perhaps with other scripts. */
async function makeBase(dir: string, era: EraParameter, scripts?: Scripts): Promise<string> {
  const env = { PATH: Deno.env.get("PATH") ?? "", HOME: dir };
  const git = createShell({ cwd: "/", env });
  const { dir: sample } = await createSample({ dir: join(dir, "sample"), era, git, env });
  const base = join(dir, "base");
  for (const path of ["hack/lib", "build"]) await Deno.mkdir(join(base, path), { recursive: true });
  for await (const { name } of Deno.readDir(join(sample, "hack/lib"))) {
    await Deno.copyFile(join(sample, "hack/lib", name), join(base, "hack/lib", name));
  }
  for (const path of ["build/common.sh", "README.md", "go.mod"]) {
    await Deno.copyFile(join(sample, path), join(base, path));
  }
  await Deno.copyFile(
    join(sample, "hack/lib/.gitattributes"),
    join(base, "hack/lib/.gitattributes"),
  )
    .catch(() => {});
  if (scripts !== undefined) {
    for (const [name, text] of Object.entries(scripts)) {
      await Deno.writeTextFile(join(base, "hack/lib", name), text);
    }
    await Deno.writeTextFile(join(base, "hack/lib/.gitattributes"), "version.sh export-subst\n");
  }
  return base;
}

/** The text of a real version.sh as it is in git: a source package has the marks filled in. */
async function realScript(tree: string): Promise<string> {
  const text = await Deno.readTextFile(join(tree, "hack/lib/version.sh"));
  // Functions, because "$'" means something in a replacement text.
  const inGit = text.replace(`[[ '%' == "%" ]]`, () => `[[ '$Format:%%$' == "%" ]]`)
    .replace(/KUBE_GIT_COMMIT='[0-9a-f]{40}'/, () => "KUBE_GIT_COMMIT='$Format:%H$'")
    .replace(/\[\[ '[^'$]*' =~ tag:/, () => "[[ '$Format:%D$' =~ tag:");
  assertEquals(inGit.match(/\$Format:/g)?.length, 3, "version.sh has three marks");
  return inGit;
}

async function compare(
  git: Git,
  dir: string,
  item: Case,
  { anyVersion = false }: { anyVersion?: boolean } = {},
): Promise<void> {
  const { root: made, env: extra = {} } = await item.make(git, dir);
  const root = await Deno.realPath(made);
  const env = { ...git.env, ...extra, SOURCE_DATE_EPOCH: "1600000000" };
  const saved = join(dir, "saved");
  const [theirs, ours] = await Promise.all([
    bash(
      root,
      env,
      `kube::version::get_version_vars; kube::version::save_version_vars ${quote(saved)}`,
    ),
    kbuild(root, env, "version", "--shell"),
  ]);

  if (item.refused) {
    assertEquals([theirs.code === 0, ours.code === 0], [false, false], "both refuse");
    assertEquals(ours.stdout, "");
    assertStringIncludes(ours.stderr, item.says ?? "it is not a semantic version");
    return;
  }
  assertEquals(theirs.code, 0, theirs.stderr);
  const wanted = (await Deno.readTextFile(saved)).trimEnd().split("\n");
  const got = ours.stdout.trimEnd().split("\n");
  const found = /KUBE_GIT_VERSION='(.*)'/.exec(wanted.join("\n"))?.[1] ?? "";
  // A fork may set one of its own.
  if (!anyVersion) {
    assertEquals(
      found.replace(/[0-9a-f]{14,}/, "HASH"),
      item.version ?? "",
      "the case is as named",
    );
  }
  if (item.fillsMajorMinor) {
    assertEquals(wanted.slice(3), ["KUBE_GIT_MAJOR=''", "KUBE_GIT_MINOR=''"]);
    assertEquals(got.slice(3), ["KUBE_GIT_MAJOR='1'", "KUBE_GIT_MINOR='20'"]);
    assertEquals(got.slice(0, 3), wanted.slice(0, 3));
    return;
  }
  if (item.seesMore) {
    assertEquals(wanted.slice(1, 3), [
      "KUBE_GIT_TREE_STATE='clean'",
      `KUBE_GIT_VERSION='${item.version}'`,
    ]);
    assertEquals(got.slice(1, 3), [
      "KUBE_GIT_TREE_STATE='dirty'",
      `KUBE_GIT_VERSION='${item.version}-dirty'`,
    ]);
    return;
  }
  if (item.unborn) assertEquals(wanted.shift(), "KUBE_GIT_COMMIT='HEAD^{commit}'");
  assertEquals(got, item.unborn ? ["KUBE_GIT_COMMIT=''", ...wanted] : wanted);

  const flags = await kbuild(root, env, "version", "--ldflags");
  if (item.version === undefined) {
    // Where the scripts would stamp a placeholder, kbuild stops and says why.
    for (const { code, stderr } of [ours, flags]) {
      assertEquals(code, 1);
      assertStringIncludes(stderr, `Cannot find the version of this checkout: ${item.says}`);
      assertStringIncludes(stderr, "KUBE_GIT_VERSION=");
    }
    assertEquals(flags.stdout, "");
    return;
  }
  assertEquals([ours.code, flags.code], [0, 0], ours.stderr + flags.stderr);
  const wantedFlags = await bash(root, env, "kube::version::ldflags");
  assertEquals(wantedFlags.code, 0, wantedFlags.stderr);
  const [mine, theirStamps] = [stamps(flags.stdout), stamps(wantedFlags.stdout)];
  assertEquals(mine.map(undated), theirStamps.map(undated));
  assert(mine.length >= 8);
  assert(flags.stdout.includes("buildDate=2020-09-13T12:26:40Z"));
}

/** The `-X` words in order, without the quotes that up to 1.13 are not there. */
function stamps(text: string): readonly string[] {
  return text.trim().split(/ (?=-X )/).map((word) => word.replaceAll("'", ""));
}

/** Up to 1.8 SOURCE_DATE_EPOCH does not count. */
function undated(word: string): string {
  return word.replace(/buildDate=.*/, "buildDate");
}

function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

async function runTable(
  t: Deno.TestContext,
  era: EraParameter,
  options: { scripts?: Scripts; cases?: readonly Case[]; anyVersion?: boolean } = {},
): Promise<void> {
  const { scripts, cases = CASES, anyVersion = false } = options;
  const made = await Deno.makeTempDir({ prefix: "kbuild-version-" });
  const top = await Deno.realPath(made);
  try {
    const git = new Git(await makeBase(top, era, scripts), top);
    for (const [index, item] of cases.entries()) {
      const dir = join(top, String(index));
      await Deno.mkdir(dir);
      await t.step(item.name, () => compare(git, dir, item, { anyVersion }));
    }
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

const missing = ["bash", "git", "tar"].filter((program) => which(program) === undefined);
const because = missing.length === 0 ? "" : ` (skipped: needs ${missing.join(", ")})`;

// 1.7 knows neither archives nor SOURCE_DATE_EPOCH; the latest version.sh is that of 1.35.
for (const era of SAMPLE_ERAS.filter((name) => name !== "1.7" && name !== "latest")) {
  Deno.test({
    name: `kbuild version says what version.sh of the sample says: ${era}${because}`,
    ignore: missing.length > 0,
    // The samples' scripts differ in their ldflags alone.
    fn: (t) => runTable(t, era, { cases: era === "1.20" ? CASES : CASES.slice(0, 6) }),
  });
}

const tree = findRealTree({ fetch: false });
const reason = missing.length > 0 ? because : tree === undefined ? ` (skipped: ${NEEDS_TREE})` : "";

Deno.test({
  name: `kbuild version says what version.sh of Kubernetes says${reason}`,
  ignore: reason !== "",
  fn: async (t) => runTable(t, "1.20", { scripts: { "version.sh": await realScript(tree ?? "") } }),
});

/** The version.sh of checkouts, for which a few repositories will do. */
const FEW = CASES.filter(({ name }) =>
  [
    ...["an exact tag", "commits after a tag", "commits after an alpha tag", "a changed file"],
    ...[
      "a beta tag, commits, changes",
      "a fork's tag with +meta",
      "an export by git archive of a tag",
    ],
  ].includes(name)
);

for (const tree of (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((t) => t !== "")) {
  Deno.test({
    name: `kbuild version says what version.sh says of "${tree}"${because}`,
    ignore: missing.length > 0,
    fn: async (t) => {
      const read = (name: string) => Deno.readTextFile(join(tree, "hack/lib", name));
      const script = await read("version.sh");
      const isArchive = script.includes(`[[ '%' == "%" ]]`);
      const scripts = {
        "util.sh": await read("util.sh"),
        // Up to 1.9 it is in cluster/lib.
        "logging.sh": await read("logging.sh").catch(() => read("../../cluster/lib/logging.sh")),
        "version.sh": isArchive ? await realScript(tree) : script,
      };
      // 1.6 and 1.7 know no archives.
      const knows = isArchive || script.includes("$Format:");
      const cases = FEW.filter(({ name }) => knows || !name.includes("archive"));
      await runTable(t, "1.20", { scripts, cases, anyVersion: true });
    },
  });
}
