/** `kbuild verify`, `quick-verify` and `update` on a sample with scripts that end in every way. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UPDATE_GOFMT, VERIFY_GOFMT } from "../checks/_gofmt_scripts.ts";
import { SCRIPTS } from "../checks/_scripts.ts";
import {
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  processesBelow,
  start,
  unless,
  which,
} from "../e2e/_program.ts";

async function withScripts(root: string): Promise<void> {
  for (const [path, text] of Object.entries(SCRIPTS)) {
    await Deno.writeTextFile(join(root, path), text);
  }
}

const lacking = ["python3", "make"].filter((name) => which(name) === undefined);
const missing = missingFor("1.20") ??
  (lacking.length > 0 ? `needs ${lacking.join(" and ")}` : undefined);

Deno.test({
  ...unless(missing, "kbuild verify runs the checkout's checks, and reports them"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes it's $(x)"));
      await withScripts(root);
      const junit = join(dir, "junit");
      const env = { BASH_ENV: "/nowhere", KUBE_JUNIT_REPORT_DIR: junit, MAKEFLAGS: "-n" };

      await t.step("all: failures are shown, the report counts", async () => {
        const { code, stdout, stderr } = await kbuild(["verify"], { cwd: root, env });
        assertEquals(code, 1, stderr);
        for (const file of ["verify-gofmt.sh", "verify-pkg-names.sh", "verify-flags.py"]) {
          assertMatch(stderr, new RegExp(`^SUCCESS  ${file}\\t\\d+s$`, "m"));
        }
        assertMatch(stderr, /^FAILED {3}verify-bad.sh\t\d+s\n(.*\n)? {4}on stdout\n/m);
        assertStringIncludes(stderr, "Skipping verify-all.sh\n");
        assertMatch(
          stdout,
          /^=+\nFAILED TESTS\n=+\nhack\/verify-bad.sh {2}\(log: .*\)\nhack\/verify-typecheck.sh /,
        );
        assertStringIncludes(stdout, "Checks: 4 passed, 2 failed\n");
        const report = await Deno.readTextFile(join(junit, "junit_verify.xml"));
        assertStringIncludes(report, 'name="verify" tests="6" failures="2" skipped="0"');
        assertStringIncludes(report, "ERROR: it is &lt;wrong&gt; &amp; &#34;bad&#34;");
        const [, log = ""] = /verify-bad.sh {2}\(log: (.*)\)/.exec(stdout) ?? [];
        assertStringIncludes(await Deno.readTextFile(join(root, log)), "on stdout\nERROR: it is");
      });

      await t.step("named ones, a fresh report; SILENT=false shows everything", async () => {
        await Deno.writeTextFile(join(root, "hack/verify-gofmt.sh"), "echo it is fine\n");
        const args = ["verify", "WHAT=gofmt", "SILENT=false", "--json"];
        const { code, stdout, stderr } = await kbuild(args, { cwd: root, env });
        assertEquals(code, 0, stderr);
        assertStringIncludes(stderr, "it is fine\n");
        assertEquals(JSON.parse(stdout).counts, { passed: 1, failed: 0, skipped: 0 });
        const report = await Deno.readTextFile(join(junit, "junit_verify.xml"));
        assertStringIncludes(report, 'tests="1" failures="0"');
        const quiet = await kbuild(["verify", "bad", "SILENT=true"], { cwd: root });
        assertEquals([quiet.code, quiet.stderr.includes("on stdout")], [1, false]);
        const unknown = await kbuild(["verify", "gofmtt"], { cwd: root });
        assertEquals(unknown.code, 2);
        assertStringIncludes(unknown.stderr, 'Did you mean "gofmt"?');
      });

      await t.step("quick-verify; kbuild make verify", async () => {
        const quick = await kbuild(["quick-verify"], { cwd: root });
        assertEquals(quick.code, 0, quick.stderr);
        assertStringIncludes(quick.stderr, "Skipping verify-bad.sh in quick mode\n");
        assertEquals(quick.stdout, "Checks: 1 passed, 0 failed\n");
        const made = await kbuild(["make", "verify", "WHAT=bad"], { cwd: root });
        assertEquals(made.code, 2);
        assertStringIncludes(made.stdout, "hack/verify-bad.sh");
      });

      await t.step("what cannot run is skipped, and is a failure where it is named", async () => {
        const path = join(root, "hack/verify-gofmt.sh");
        await Deno.writeTextFile(path, "cd hack/tools\n");
        const { code, stdout, stderr } = await kbuild(["quick-verify", "--offline"], { cwd: root });
        assertEquals(code, 0);
        assertStringIncludes(stderr, "Skipping verify-gofmt.sh: it needs network\n");
        assertStringIncludes(stdout, "Checks: 0 passed, 0 failed, 1 skipped (gofmt)\n");
        const named = await kbuild(["verify", "gofmt", "--offline"], { cwd: root, env });
        assertEquals(named.code, 1);
        const report = await Deno.readTextFile(join(junit, "junit_verify.xml"));
        assertStringIncludes(report, '<skipped message="Skipped: it needs network">');
      });

      await t.step("Ctrl-C ends the scripts; the report has those that have ended", async () => {
        await Deno.writeTextFile(join(root, "hack/verify-gofmt.sh"), "exit 0\n");
        await Deno.writeTextFile(join(root, "hack/verify-bad.sh"), "sleep 4321\n");
        const child = start(kbuildArgv("verify", "gofmt", "bad"), { cwd: root, env });
        const isAsleep = () => processesBelow(root).some(({ command }) => command.includes("4321"));
        for (let i = 0; i < 600 && !isAsleep(); i++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        child.kill("SIGINT");
        assertEquals((await child.output()).code, 130);
        assertEquals(processesBelow(root), []);
        const report = await Deno.readTextFile(join(junit, "junit_verify.xml"));
        assertStringIncludes(report, 'tests="1" failures="0"');
        assert(!report.includes('"bad"'), report);
      });
    }),
});

Deno.test({
  ...unless(missing, "kbuild verify runs gofmt itself, and the script with --strict-parity"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await withScripts(root);
      await Deno.writeTextFile(join(root, "hack/verify-gofmt.sh"), VERIFY_GOFMT);
      await Deno.writeTextFile(join(root, "hack/update-gofmt.sh"), UPDATE_GOFMT);
      const verified = async (...flags: string[]) => {
        const { code, stderr } = await kbuild(["verify", "gofmt", ...flags], { cwd: root });
        const log = "_output/local/.kbuild/verify/hack_verify-gofmt.sh.log";
        return { code, stderr, log: await Deno.readTextFile(join(root, log)) };
      };
      await kbuild(["update", "gofmt"], { cwd: root });
      assertEquals([(await verified()).code, (await verified("--strict-parity")).code], [0, 0]);
      await Deno.writeTextFile(join(root, "pkg/wrong.go"), "package  pkg\n");
      const [own, script] = [await verified(), await verified("--strict-parity")];
      assertEquals([own.code, script.code], [1, 1]);
      assertStringIncludes(own.log, "Not formatted: pkg/wrong.go\n");
      assertStringIncludes(script.log, "Run ./hack/update-gofmt.sh\n");
      const { stdout, stderr } = await kbuild(["verify", "gofmt", "--dry-run"], { cwd: root });
      assertStringIncludes(
        stderr,
        "hack/verify-gofmt.sh is not started: kbuild does its work itself",
      );
      assertEquals(stdout.includes("bash"), false);
    }),
});

Deno.test({
  ...unless(missing, "kbuild update stops at the first failure, and never hides one"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await withScripts(root);
      const updated = async () => {
        const text = await Deno.readTextFile(join(root, "updated"));
        await Deno.remove(join(root, "updated"));
        return text;
      };

      await t.step("the checkout's list", async () => {
        const { code, stdout, stderr } = await kbuild(["update"], { cwd: root });
        assertEquals([code, stdout], [1, ""]);
        assertEquals(await updated(), "first\n");
        assertMatch(stderr, /Running update-first\n[^]*Running update-second\nis broken\n/);
        assertMatch(stderr, /kbuild: Cannot update everything: hack\/update-second.sh failed\n/);
      });

      await t.step("FORCE_ALL goes on, and fails at the end", async () => {
        const { code, stdout } = await kbuild(["update", "FORCE_ALL=true"], { cwd: root });
        assertEquals([code, stdout], [1, ""]);
        assertEquals(await updated(), "first\nsecond\nthird\n");
        const strict = ["update", "FORCE_ALL=true", "--strict-parity"];
        assertEquals((await kbuild(strict, { cwd: root })).code, 0);
        await updated();
      });

      await t.step("named ones", async () => {
        const { code, stdout } = await kbuild(["update", "third", "first"], { cwd: root });
        assertEquals([code, stdout], [0, "Update scripts completed successfully\n"]);
        assertEquals(await updated(), "third\nfirst\n");
      });

      await t.step("what a failed script did is put back, and kept", async () => {
        await Deno.writeTextFile(join(root, "README.md"), "by the user\n");
        const broken = "echo half > new; echo half > README.md; rm Makefile; exit 1\n";
        await Deno.writeTextFile(join(root, "hack/update-third.sh"), broken);
        const { code, stderr } = await kbuild(["update", "third"], { cwd: root });
        assertEquals(code, 1);
        assertMatch(stderr, /Put back as they were before:\n *Makefile\n *README.md\n *new\n/);
        assertEquals(await Deno.readTextFile(join(root, "README.md")), "by the user\n");
        assertEquals((await Deno.stat(join(root, "Makefile"))).isFile, true);
        const [, aside = ""] = /what it made of them: (.*)\n/.exec(stderr) ?? [];
        assertEquals(await Deno.readTextFile(join(root, aside, "new")), "half\n");
      });

      await t.step("nothing is changed where one of them cannot run", async () => {
        await Deno.writeTextFile(join(root, "hack/update-third.sh"), "cd hack/tools\n");
        const { code, stderr } = await kbuild(["update", "--offline"], { cwd: root });
        assertEquals(code, 1);
        assertStringIncludes(stderr, "hack/update-third.sh: it needs network");
        assertEquals([...Deno.readDirSync(root)].some(({ name }) => name === "updated"), false);
      });
    }),
});
