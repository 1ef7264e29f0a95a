import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  digestsOf,
  inScratch,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  processesBelow,
  run,
  sharedRelease,
  unless,
  which,
} from "./_program.ts";

const ESCAPE = "\x1b";

/** Runs kbuild in a line of sh, where `"$@"` stands for it. */
async function inShell(line: string, args: readonly string[], cwd: string): Promise<string> {
  return await output(["sh", "-c", line, "sh", ...kbuildArgv(...args)], { cwd });
}

Deno.test({
  ...unless(missingFor("1.20"), "kbuild writes no colours into a file, colours on a terminal"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await sharedRelease("1.20");
      const line = `"$@" >'${dir}/out' 2>'${dir}/err'; echo $?`;
      assertEquals(await inShell(line, ["quick-release"], root), "0\n");
      const [out, err] = [Deno.readTextFileSync(`${dir}/out`), Deno.readTextFileSync(`${dir}/err`)];
      assert(!(out + err).includes("\r") && !(out + err).includes(ESCAPE));
      assertMatch(out, /^ARTIFACT +SIZE +DIGEST\n/);
      assertMatch(err, /^\+\+\+ \[\d{4} \d\d:\d\d:\d\d\] Building go targets for /);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "kbuild ends quietly when its reader goes away"),
  fn: async () => {
    const root = await sharedRelease("1.20");
    const table: readonly (readonly [line: string, args: readonly string[], first: RegExp])[] = [
      // Results: stdout is gone, the log is not.
      ['{ "$@" 2>&3; echo "code $?" >&3; } | head -1', ["quick-release"], /^ARTIFACT /],
      // The log itself is gone, in the middle of a build.
      ['{ "$@" 2>&1 >/dev/null; echo "code $?" >&3; } | head -1', ["quick-release"], /^\+\+\+ /],
      ['{ "$@" 2>&3; echo "code $?" >&3; } | head -1', ["targets"], /^server /],
    ];
    for (const [line, args, first] of table) {
      const { code, stdout, stderr } = await run(
        ["sh", "-c", `{ ${line}; } 3>&2`, "sh", ...kbuildArgv(...args)],
        { cwd: root },
      );
      assertEquals(code, 0);
      assertMatch(stdout, first);
      // A pipe takes what it can hold, so a short result may be written in full.
      assertMatch(stderr, /code (0|141)\n$/);
      assert(!/kbuild:|error|BrokenPipe|at .*:\d+/i.test(stderr), stderr);
      assertEquals(processesBelow(root), []);
    }
  },
});

Deno.test({
  ...unless(missingFor("1.20"), "kbuild demo | head -1 ends quietly"),
  fn: () =>
    inScratch(async (dir) => {
      const root = join(dir, "kubernetes");
      const stdout = await inShell('"$@" | head -1', ["demo", "--dir", root, "--json"], dir);
      assertEquals(stdout, "{\n");
      assertEquals(processesBelow(dir), []);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "kbuild works with stdout closed, and says when it is full"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      assertEquals(await inShell('"$@" >&- 2>/dev/null; echo $?', ["targets"], root), "0\n");
      assertEquals(await inShell('"$@" 2>&- >/dev/null; echo $?', ["targets"], root), "0\n");
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20") || which("script") === undefined && "needs script of util-linux",
    "kbuild colours the log of a terminal",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await Deno.writeTextFile(
        join(root, "cmd/kubectl/kubectl.go"),
        "package main\n\nfunc main() {\n",
      );
      const words = kbuildArgv("all", "cmd/kubectl").map((word) => `'${word}'`).join(" ");
      const { code, stdout } = await run(["script", "-qec", words, "/dev/null"], { cwd: root });
      assertStringIncludes(stdout, `${ESCAPE}[32m+++${ESCAPE}[0m [`);
      assertStringIncludes(stdout, `${ESCAPE}[31mkbuild:${ESCAPE}[0m Cannot `);
      assert(code !== 0);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "--json keeps logs off stdout"),
  fn: async () => {
    const root = await sharedRelease("1.20");
    const json = await output(kbuildArgv("quick-release", "-vvv", "--json"), { cwd: root });
    assert(Object.keys(digestsOf(json)).length > 10);
  },
});
