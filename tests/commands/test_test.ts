/** `kbuild test` on a sample, with packages that end in every way. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  processesBelow,
  start,
  unless,
} from "../e2e/_program.ts";

/** Writes a package with tests. */
async function writeTests(root: string, name: string, body: string): Promise<void> {
  const directory = join(root, "pkg/t", name);
  await Deno.mkdir(directory, { recursive: true });
  const imports = /time\./.test(body) ? 'import (\n\t"testing"\n\t"time"\n)' : 'import "testing"';
  await Deno.writeTextFile(join(directory, "x_test.go"), `package t\n\n${imports}\n\n${body}`);
}

Deno.test({
  ...unless(missingFor("1.20"), "kbuild test runs, reports, and runs again what failed"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await writeTests(root, "good", "func TestGood(t *testing.T) {}\n");
      await writeTests(
        root,
        "bad",
        'func TestGood(t *testing.T) {}\nfunc TestBad(t *testing.T) { t.Run("a b", ' +
          'func(t *testing.T) { t.Error("wrong") }) }\n',
      );
      await writeTests(root, "slow", "func TestSlow(t *testing.T) { time.Sleep(time.Hour) }\n");
      const env = { ARTIFACTS: join(dir, "artifacts $(x)"), KUBE_TIMEOUT: "-timeout 2s" };

      await t.step("failures at the end, a report, exit 1", async () => {
        const { code, stdout, stderr } = await kbuild(["test", "pkg/t/..."], { cwd: root, env });
        assertEquals(code, 1);
        assertStringIncludes(stderr, "ok  \tk8s.io/kubernetes/pkg/t/good\t");
        assertStringIncludes(stderr, "FAIL\tk8s.io/kubernetes/pkg/t/bad\t");
        assertMatch(stderr, /kbuild: Tests failed in 2 of 3 packages\n.*--rerun-failed\n$/);
        assertStringIncludes(stdout, "    --- FAIL: TestBad/a_b (0.00s)\n");
        assertStringIncludes(stdout, "again: kbuild test pkg/t/bad --run '^TestBad$/^a_b$'");
        assertStringIncludes(stdout, "panic: test timed out after 2s");
        assertStringIncludes(stdout, "Packages: 1 passed, 2 failed; tests: 2 passed, 2 failed");
        const [report, ...more] = [...Deno.readDirSync(env.ARTIFACTS)].map(({ name }) => name);
        assertMatch(report ?? "", /^junit_\d{8}-\d{6}\.xml$/);
        assertEquals(more, []);
        const text = await Deno.readTextFile(join(env.ARTIFACTS, report!));
        assertStringIncludes(text, '<testsuites tests="5" failures="3" errors="0"');
      });

      await t.step("an engine that only builds have", async () => {
        const args = ["test", "pkg/t/good", "--json"];
        const buildx = { KBUILD_ENGINE: "buildx:farm" };
        const good = await kbuild(args, { cwd: root, env: buildx });
        assertEquals(good.code, 0, good.stderr);
        const inContainer = await kbuild([...args, "--container", "--engine", "buildx:farm"], {
          cwd: root,
        });
        assertEquals(inContainer.code, 2);
        assertStringIncludes(inContainer.stderr, 'Unknown engine "buildx:farm"');
        const given = await kbuild([...args, "--engine", "buildx"], { cwd: root });
        assertEquals(given.code, 2);
        assertStringIncludes(given.stderr, "Cannot use --engine without --container");
      });

      await t.step("--run and the printed command run one test", async () => {
        const args = ["test", "pkg/t/bad", "--run", "^TestGood$", "--json"];
        const good = await kbuild(args, { cwd: root });
        assertEquals(JSON.parse(good.stdout).tests, { passed: 1, failed: 0, skipped: 0 });
        const again = ["test", "pkg/t/bad", "--run", "^TestBad$/^a_b$", "--json"];
        const bad = await kbuild(again, { cwd: root });
        assertEquals([bad.code, JSON.parse(bad.stdout).tests.failed], [1, 1]);
      });

      await t.step("--rerun-failed runs what failed, and nothing when nothing did", async () => {
        await writeTests(root, "slow", "func TestSlow(t *testing.T) {}\n");
        const first = await kbuild(["test", "--rerun-failed"], { cwd: root, env });
        assertEquals(first.code, 1);
        assertStringIncludes(
          first.stdout,
          "Packages: 1 passed, 1 failed; tests: 1 passed, 1 failed",
        );
        await writeTests(root, "bad", "func TestBad(t *testing.T) {}\n");
        assertEquals((await kbuild(["test", "--rerun-failed"], { cwd: root })).code, 0);
        const none = await kbuild(["test", "--rerun-failed"], { cwd: root });
        assertEquals([none.code, none.stdout], [0, ""]);
        assertStringIncludes(none.stderr, "Nothing to test: nothing failed");
      });

      await t.step("shards divide the packages", async () => {
        const names: string[] = [];
        for (const shard of ["1/2", "2/2"]) {
          const args = ["test", "pkg/t/...", "--shard", shard, "--json"];
          const { stdout } = await kbuild(args, { cwd: root });
          const { results } = JSON.parse(stdout) as { results: { name: string }[] };
          assert(results.length < 3, stdout);
          names.push(...results.map(({ name }) => name.replace(/.*\//, "")));
        }
        assertEquals(names.sort(), ["bad", "good", "slow"]);
        const wrong = await kbuild(["test", "--shard", "3/2"], { cwd: root });
        assertEquals(wrong.code, 2);
      });

      await t.step("--since takes what a change can reach", async () => {
        await output(["git", "add", "-A"], { cwd: root });
        const somebody = ["-c", "user.name=kbuild", "-c", "user.email=kbuild@localhost"];
        await output(["git", ...somebody, "commit", "-q", "-m", "tests"], { cwd: root });
        const nothing = await kbuild(["test", "--since", "HEAD"], { cwd: root });
        assertEquals([nothing.code, nothing.stdout], [0, ""]);
        const path = join(root, "pkg/t/good/x_test.go");
        await Deno.writeTextFile(path, `${await Deno.readTextFile(path)}// changed\n`);
        const { stdout } = await kbuild(["test", "--since", "HEAD", "--json"], { cwd: root });
        const { results } = JSON.parse(stdout) as { results: { name: string }[] };
        assertEquals(results.map(({ name }) => name), ["k8s.io/kubernetes/pkg/t/good"]);
        assertEquals((await kbuild(["test", "--since", "nothing"], { cwd: root })).code, 2);
      });

      await t.step("coverage as text, page and lcov", async () => {
        const variables = [`KUBE_COVER=y`, `KUBE_COVER_REPORT_DIR=${join(dir, "cover")}`];
        const { code, stdout } = await kbuild(["check", "pkg/util/slice", ...variables], {
          cwd: root,
        });
        assertEquals(code, 0);
        assertMatch(stdout, /\nCoverage: [1-9][\d.]*% of statements\n$/);
        const lcov = await Deno.readTextFile(join(dir, "cover/combined-coverage.lcov"));
        const [, file = ""] = /^SF:(.*)$/m.exec(lcov) ?? [];
        assert((await Deno.stat(join(root, file))).isFile, file);
        assertMatch(
          await Deno.readTextFile(join(dir, "cover/combined-coverage.out")),
          /^mode: atomic\n/,
        );
        assert((await Deno.stat(join(dir, "cover/combined-coverage.html"))).size > 0);
      });

      await t.step("a wrong flag is go's to refuse", async () => {
        const { code, stderr } = await kbuild(["test", "WHAT=pkg/t/good -p=x"], { cwd: root });
        assertEquals(code, 1);
        assertMatch(stderr, /go test exited with status \d[^]*-p/);
      });
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "Ctrl-C ends the tests that run"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const body = "func TestSlow(t *testing.T) { time.Sleep(time.Hour) }\n";
      await writeTests(root, "slow", body);
      await writeTests(root, "good", "func TestGood(t *testing.T) {}\n");
      const artifacts = join(dir, "artifacts");
      const child = start(kbuildArgv("test", "pkg/t/slow", "pkg/t/good"), {
        cwd: root,
        env: { ARTIFACTS: artifacts },
      });
      const decoder = new TextDecoder();
      let said = "";
      const read = async () => {
        for await (const chunk of child.stderr) said += decoder.decode(chunk, { stream: true });
      };
      const ended = Promise.all([child.status, new Response(child.stdout).text(), read()]);
      const isTesting = () =>
        processesBelow(root).some(({ command }) => command.includes("t.test")) &&
        said.includes("ok  \tk8s.io/kubernetes/pkg/t/good");
      for (let i = 0; i < 1200 && !isTesting(); i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      child.kill("SIGINT");
      const [{ code }] = await ended;
      assertEquals(code, 130, said);
      // The report has what ended, and is whole.
      const [report] = [...Deno.readDirSync(artifacts)].map(({ name }) => name);
      const text = await Deno.readTextFile(join(artifacts, report!));
      assertStringIncludes(text, '<testsuites tests="1" failures="0" errors="0"');
      assertStringIncludes(text, 'name="k8s.io/kubernetes/pkg/t/good"');
      assertEquals([text.includes("pkg/t/slow"), text.endsWith("</testsuites>\n")], [false, true]);
      assertEquals(processesBelow(root), []);
    }),
});
