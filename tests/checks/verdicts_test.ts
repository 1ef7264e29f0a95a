/** A check that passed runs again when anything has changed. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Check, isRepeatable, openVerdicts, runCheck } from "../../src/checks/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV } from "../e2e/_program.ts";

/** Counts its runs outside of the checkout, and fails where there is a file with that name. */
const SCRIPT = 'echo run >>"$COUNT"\n[ ! -e fail ]\n';

Deno.test("a check that passed is started again when a file, Go, a program or the environment has changed", () =>
  withFiles({ "count": "" }, (outside) =>
    withFiles(
      { "hack/verify-pkg-names.sh": SCRIPT, "hack/verify-linkcheck.sh": SCRIPT, "a/b c.go": "" },
      async (root) => {
        const shell = createShell({ cwd: root, env: ENV });
        const log = createLogger({ write: () => {} });
        const context = createContext({ root, env: ENV, shell, log, host: "linux/amd64" });
        const count = join(outside, "count");
        await Deno.mkdir(join(outside, "bin"));
        const git = async (...words: string[]) =>
          void await shell.run(["git", ...words], { cwd: root, env: ENV });
        await git("init", "-q");
        const checkOf = (name: string): Check => {
          const file = `verify-${name}.sh`;
          const path = `hack/${file}`;
          return { ...{ name, file, path }, argv: ["bash", path], directory: "" };
        };
        const old = new Date(Date.now() - 3_600_000);
        /** Changes of a moment ago count as such: times of change cannot be set. */
        const settle = () => new Promise((resolve) => setTimeout(resolve, 3100));
        const run = async (
          { name = "pkg-names", go = "go1", kbuild = "1", env = {} }: {
            name?: string;
            go?: string;
            kbuild?: string;
            env?: Record<string, string>;
          } = {},
        ) => {
          const PATH = `${ENV["PATH"]}:${join(outside, "bin")}`;
          const all = { ...ENV, PATH, COUNT: count, ...env };
          const before = (await Deno.readTextFile(count)).length;
          const { outcome, isReused = false } = await runCheck(context, checkOf(name), {
            env: all,
            logs: join(root, "_output/logs"),
            verdicts: await openVerdicts(context, { env: all, go, kbuild }),
          });
          const isStarted = (await Deno.readTextFile(count)).length > before;
          assertEquals(isStarted, !isReused);
          return `${outcome}${isReused ? " before" : ""}`;
        };

        // Files that have just been written may change again without a trace.
        assertEquals([await run(), await run()], ["passed", "passed"]);
        await settle();
        assertEquals([await run(), await run()], ["passed", "passed before"]);
        assertEquals(await run({ env: { PWD: "/elsewhere", TERM: "dumb" } }), "passed before");
        assertEquals(await run({ go: "go2" }), "passed");
        assertEquals(await run({ go: "go2", kbuild: "2" }), "passed");
        assertEquals(await run({ env: { LC_ALL: "C" } }), "passed");
        // Whose verdict does not depend on files alone runs always.
        assertEquals([await run({ name: "linkcheck" }), await run({ name: "linkcheck" })], [
          "passed",
          "passed",
        ]);

        const changes: readonly (readonly [what: string, change: () => Promise<void>])[] = [
          ["a file is written again", () => Deno.writeTextFile(join(root, "a/b c.go"), "")],
          ["its time is set back", () => Deno.utime(join(root, "a/b c.go"), old, old)],
          ["a new file", () => Deno.writeTextFile(join(root, "a/new"), "")],
          ["it is removed", () => Deno.remove(join(root, "a/new"))],
          ["another mode", () => Deno.chmod(join(root, "a/b c.go"), 0o755)],
          ["git has a file", () => git("add", "hack")],
          ["git has another one", () => git("add", "a")],
          ["git has it no longer", () => git("rm", "-q", "--cached", "a/b c.go")],
          ["a program is installed", () => Deno.writeTextFile(join(outside, "bin/new"), "")],
        ];
        await settle();
        await run();
        for (const [what, change] of changes) {
          assertEquals([what, await run()], [what, "passed before"]);
          await change();
          if (!/^(git|a program) /.test(what)) await settle();
          assertEquals([what, await run()], [what, "passed"]);
        }
        assertEquals(await run(), "passed before");

        // git writes its index again, with the same entries, and the next run is not the first.
        const index = join(root, ".git/index");
        const written = (await Deno.stat(index)).mtime?.getTime();
        await git("update-index", "--force-write-index");
        assert(written !== (await Deno.stat(index)).mtime?.getTime());
        assertEquals(await run(), "passed before");

        // Nothing of what is elsewhere is known.
        const away = join(root, "away");
        await Deno.symlink(outside, away);
        await settle();
        assertEquals([await run(), await run()], ["passed", "passed"]);
        await Deno.remove(away);
        assertEquals(await run(), "passed before");
        const elsewhere = { env: { KUBE_EXTRA_GOPATH: outside } };
        assertEquals([await run(elsewhere), await run(elsewhere)], ["passed", "passed"]);

        // In a worktree of git's, .git is a file.
        await Deno.rename(join(root, ".git"), join(outside, "git"));
        await Deno.writeTextFile(join(root, ".git"), `gitdir: ${join(outside, "git")}\n`);
        assertEquals([await run(), await run()].slice(-1), ["passed before"]);

        // A failure is never taken from before.
        await Deno.writeTextFile(join(root, "fail"), "");
        await settle();
        assertEquals([await run(), await run()], ["failed", "failed"]);
        await Deno.remove(join(root, "fail"));
        assertEquals(await run(), "passed before");
      },
    )));

Deno.test("isRepeatable() takes known scripts that ask for nothing but the checkout", async () => {
  const scripts: readonly (readonly [name: string, text: string, isRepeatable: boolean])[] = [
    ["pkg-names", "if git --no-pager grep -E x -- '**/*.go'; then\n  exit 1\nfi", true],
    ["pkg-names", "echo 'not up to date with the git repo'\nmake WHAT=cmd/x", true],
    ["pkg-names", 'tar c - <(git archive --format=tar "$(git write-tree)")', true],
    ["pkg-names", "git -C . ls-files", true],
    ["pkg-names", 'source "${KUBE_ROOT}/hack/lib/init.sh"\nkube::golang::setup_env', true],
    ["pkg-names", "# curl https://example.com", true],
    ["linkcheck", "true", false],
    ["pkg-names", "git diff --name-only upstream/master", false],
    ["pkg-names", 'v="$(git describe)"', false],
    ["pkg-names", "git -C . log", false],
    ["pkg-names", "a | xargs curl -s https://example.com", false],
    ["pkg-names", "curl\t-s https://example.com", false],
    ["pkg-names", "year=$(date +%Y)", false],
    ["pkg-names", "docker run x", false],
    ["pkg-names", "kube::build::verify_prereqs", false],
    ["pkg-names", "kube::util::base_ref main", false],
    ["pkg-names", "go install example.com/tool@latest", false],
    ["pkg-names", "cat /etc/os-release", false],
    ["pkg-names", "ls ~/go/bin", false],
    ["pkg-names", 'ls "${HOME}/go"', false],
    ["pkg-names", "jq . <x", false],
    ["pkg-names", "hack/other.sh", false],
    ["flags-underscore", "#!/usr/bin/env python3\nimport os, sys", true],
    ["flags-underscore", "#!/usr/bin/env python3\nimport datetime", false],
    ["flags-underscore", "#!/usr/bin/env python3\nfrom urllib.request import urlopen", false],
  ];
  for (const [name, text, wanted] of scripts) {
    const file = `verify-${name}.${text.startsWith("#!") ? "py" : "sh"}`;
    const path = `hack/${file}`;
    await withFiles({ [path]: text, "hack/other.sh": "wget x" }, async (root) => {
      const check: Check = { ...{ name, file, path }, argv: ["bash", path], directory: "" };
      assertEquals([text, await isRepeatable(root, check)], [text, wanted]);
      assertEquals(await isRepeatable(root, { ...check, directory: "staging/src/x" }), false);
      // All of it is known: only the name counts.
      assertEquals(await isRepeatable(root, check, { isUnderstood: true }), name !== "linkcheck");
    });
  }
});
