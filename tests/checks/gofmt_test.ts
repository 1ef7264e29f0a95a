/** gofmt without the checkout's scripts, held against those run by bash. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { nativeScript, openUndo } from "../../src/checks/mod.ts";
import { readGofmtScript } from "../../src/checks/gofmt.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV, run, which } from "../e2e/_program.ts";
import {
  INIT,
  UPDATE_GOFMT,
  UPDATE_GOFMT_GIT,
  VERIFY_GOFMT,
  VERIFY_GOFMT_GIT,
} from "./_gofmt_scripts.ts";

const BAD = "package  a\nvar x = []int{1,\n}\n";
const GOOD = "package a\n\nvar x = 1\n";
const FILES = {
  "hack/lib/init.sh": INIT,
  ...Object.fromEntries(
    [
      "a.go",
      "cmd/a/a.go",
      "cmd/release/a.go",
      "release/a.go",
      "_output/a.go",
      "pkg/vendor/a/a.go",
      "vendor/a.go",
      "third_party/a/a.go",
      "pkg/third_party/a.go",
      "pkg/bindata.go",
      "pkg/testdata/a.go",
      "staging/src/k8s.io/client-go/my-vendor/a.go",
      ".hidden/a.go",
    ].map((path) => [path, BAD]),
  ),
  "good/a.go": GOOD,
  ".gitignore": "_output\n",
  "pkg/a.txt": BAD,
};

function open(root: string): KubeContext {
  const shell = createShell({ cwd: root, env: ENV });
  return createContext({
    ...{ root, env: { ...ENV, KUBE_OUTPUT_SUBPATH: "_output/local" }, shell },
    ...{ log: createLogger({ write: () => {} }), host: "linux/amd64" },
  });
}

async function git(root: string, ...args: string[]): Promise<string> {
  const name = ["-c", "user.name=n", "-c", "user.email=n@example.test"];
  const { code, stdout, stderr } = await run(["git", ...name, ...args], { cwd: root });
  assertEquals(code, 0, stderr);
  return stdout;
}

/** Without the directory of the fixture, in which scripts would split at a space. */
async function inPlainPath(written: string, body: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-gofmt-" }));
  try {
    for (const { name } of Deno.readDirSync(written)) {
      await Deno.rename(join(written, name), join(root, name));
    }
    await git(root, "init", "-q");
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const ignore = which("gofmt") === undefined || which("bash") === undefined;

for (
  const [form, verify, update] of [
    ["find", VERIFY_GOFMT, UPDATE_GOFMT],
    ["git ls-files", VERIFY_GOFMT_GIT, UPDATE_GOFMT_GIT],
  ] as const
) {
  Deno.test({
    name: `gofmt has the script's verdict, files and changes: ${form}${
      ignore ? " (skipped: no gofmt or bash)" : ""
    }`,
    ignore,
    fn: () =>
      withFiles(
        { ...FILES, "hack/verify-gofmt.sh": verify, "hack/update-gofmt.sh": update },
        (written) =>
          inPlainPath(written, async (root) => {
            const context = open(root);
            const ours = async (path: string) => {
              const native = await nativeScript(context, { path, directory: "" }, ENV);
              let said = "";
              const passed = await native?.run((text) => said += text);
              return { passed, said };
            };
            const theirs = async (path: string) => {
              const { code, stdout, stderr } = await run(["bash", path], { cwd: root });
              return { passed: code === 0, said: stdout + stderr };
            };
            const files = (said: string) =>
              [...said.matchAll(/^\+\+\+ (?:\.\/)?(\S+)/gm)].map(([, path]) => path).sort();

            const check = "hack/verify-gofmt.sh";
            const [own, script] = [await ours(check), await theirs(check)];
            assertEquals([own.passed, script.passed], [false, false]);
            assertEquals(files(own.said), files(script.said));
            assertEquals(files(own.said).includes("good/a.go"), false);
            assertEquals(files(own.said).includes("cmd/release/a.go"), true);

            await git(root, "add", "-A");
            await git(root, "commit", "-qm", "x");
            const undo = await openUndo(context);
            const updated = await ours("hack/update-gofmt.sh");
            assertEquals(updated.passed, true, updated.said);
            const made = await git(root, "diff");
            const { paths } = await undo!.run(join(root, "_output/aside"));
            assertEquals(await git(root, "diff", "--name-only"), "");
            assertEquals(await theirs("hack/update-gofmt.sh"), { passed: true, said: "" });
            assertEquals(await git(root, "diff"), made);
            assertEquals(paths.length > 3, true);

            // What passed is remembered, and looked at again after a change.
            assertEquals([await ours(check), (await theirs(check)).passed], [
              { passed: true, said: "" },
              true,
            ]);
            await Deno.writeTextFile(join(root, "good/a.go"), `${GOOD}\n\n`);
            assertEquals((await ours(check)).passed, false);
            await Deno.writeTextFile(join(root, "good/a.go"), "package\n");
            const [broken, scripts] = [await ours(check), await theirs(check)];
            assertEquals([broken.passed, scripts.passed], [false, false]);
            assertStringIncludes(broken.said, "good/a.go:1:9: expected 'IDENT'");

            // Deleted without being staged, and a link to nothing: paths that gofmt cannot read.
            await Deno.remove(join(root, "good/a.go"));
            assertEquals((await ours(check)).passed, (await theirs(check)).passed);
            await git(root, "checkout", "good/a.go");
            assertEquals([(await ours(check)).passed, (await theirs(check)).passed], [true, true]);
            await Deno.symlink("nothing", join(root, "good/x.go"));
            assertEquals([(await ours(check)).passed, (await theirs(check)).passed], [
              false,
              false,
            ]);
            await Deno.remove(join(root, "good/x.go"));
            await Deno.mkdir(join(root, "good/x.go"));
            await Deno.writeTextFile(join(root, "good/x.go/a.go"), GOOD);
            assertEquals((await theirs(check)).passed, true);
            // What find says of directories only the script knows.
            const isGit = form === "git ls-files";
            assertEquals((await ours(check)).passed, isGit ? true : undefined);
          }),
      ),
  });
}

Deno.test("readGofmtScript() leaves scripts with anything else in them to bash", () => {
  assertEquals(readGofmtScript(VERIFY_GOFMT, "verify"), {
    by: "find",
    leftOut: [
      ...["./_output", "./release", "*/third_party/*", "*/vendor/*"],
      ...["./staging/src/k8s.io/client-go/*vendor/*", "*/bindata.go"],
    ],
  });
  assertEquals(readGofmtScript(UPDATE_GOFMT_GIT, "update"), {
    by: "git",
    args: [
      ...["-cmo", "--exclude-standard", ":!:vendor/*", ":!:*/testdata/*", ":(glob)**/*.go"],
    ],
  });
  for (
    const text of [
      `${VERIFY_GOFMT}curl example.test\n`,
      VERIFY_GOFMT.replace("-d -s", "-d -s -r 'a -> b'"),
      VERIFY_GOFMT.replace("-name '*.go'", "-name '*.go' -newer x"),
      VERIFY_GOFMT.replace("xargs", "grep -v x | xargs"),
      VERIFY_GOFMT.replace("exit 1", "exit 0"),
      VERIFY_GOFMT.replace('"Run ./hack/', '"$(rm -r x)'),
      UPDATE_GOFMT,
      "",
    ]
  ) assertEquals(readGofmtScript(text, "verify"), undefined, text);
});
