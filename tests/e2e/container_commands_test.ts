/** Commands that work in a container with Go, beside builds: tests, and those for people who are in one already. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { containersOf, engineTest, findDocker, makeGoRoot } from "./_containers.ts";
import { fakeEngine } from "../container/_engines.ts";
import {
  digestsOf,
  ENV,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  run,
  unless,
} from "./_program.ts";

const docker = await findDocker();
const goroot = await run(["go", "env", "GOROOT"]).then(({ stdout }) => stdout.trim(), () => "");
const lacking = goroot === "" ? "needs Go" : missingFor("1.20");
const IMAGE = "kbuild.test/go:1";

engineTest(
  lacking ?? docker,
  "docker",
  "kbuild test --container tests there and reports here, mounted and with a volume",
  async (engine, root, dir) => {
    await engine.import(await makeGoRoot(join(dir, "go"), goroot), IMAGE);
    const place = join(root, "pkg/t");
    await Deno.mkdir(place, { recursive: true });
    // No program of this machine has that file.
    const body = `package t
import ("os"; "testing")
func TestWhere(t *testing.T) { if _, err := os.Stat("/.dockerenv"); err != nil { t.Fatal(err) } }
func TestBad(t *testing.T) { t.Error("wrong") }
`;
    await Deno.writeTextFile(join(place, "x_test.go"), body);
    for (const sync of ["bind", "volume"]) {
      const given = [
        "--container",
        "--engine",
        engine.name,
        "--build-image",
        IMAGE,
        "--sync",
        sync,
      ];
      const artifacts = join(dir, `artifacts ${sync}`);
      const options = { cwd: root, env: { ...engine.env, ARTIFACTS: artifacts } };
      const bad = await run(kbuildArgv("test", ...given, "pkg/t"), options);
      assertEquals(bad.code, 1, bad.stderr);
      assertStringIncludes(bad.stdout, "Packages: 1 failed; tests: 1 passed, 1 failed");
      assertStringIncludes(bad.stdout, "again: kbuild test --container pkg/t --run '^TestBad$'");
      const [report, ...more] = [...Deno.readDirSync(artifacts)];
      assertMatch(report?.name ?? "", /^junit_.*\.xml$/);
      assertEquals(more, []);
      const again = await run(kbuildArgv("test", ...given, "--rerun-failed", "--json"), options);
      assertEquals(JSON.parse(again.stdout).tests, { passed: 0, failed: 1, skipped: 0 });

      assertEquals(await containersOf(engine, root), "");
      // With coverage, everything is compiled again; what is mounted needs no copying.
      if (sync === "bind") continue;
      const words = ["pkg/util/slice", "KUBE_COVER=y"];
      const covered = await run(kbuildArgv("test", ...given, ...words), options);
      assertEquals(covered.code, 0, covered.stderr);
      assertMatch(covered.stdout, /\nCoverage: [1-9][\d.]*% of statements\n$/);
      const reports = join(root, "_output/dockerized/k8s_coverage");
      const [date] = [...Deno.readDirSync(reports)].map(({ name }) => name);
      for (const ending of ["out", "html", "lcov"]) {
        const { size, uid } = await Deno.stat(join(reports, date!, `combined-coverage.${ending}`));
        assert(size > 0);
        assertEquals(uid, Deno.uid());
      }
      await Deno.remove(reports, { recursive: true });
      const elsewhere = await run(
        kbuildArgv("test", ...given, ...words, `KUBE_COVER_REPORT_DIR=${dir}/cover`),
        options,
      );
      assertEquals(elsewhere.code, 2);
      assertMatch(elsewhere.stderr, /it is not in the outputs/);
      assertEquals(await containersOf(engine, root), "");
    }
    const plan = await run(
      kbuildArgv("plan", "test", "--container", "--build-image", IMAGE, "pkg/t"),
      { cwd: root, env: engine.env },
    );
    assertEquals(plan.code, 0, plan.stderr);
    assertMatch(plan.stdout, /docker exec .* test -json/);
    const alone = await run(kbuildArgv("test", "--build-image", IMAGE), { cwd: root });
    assertEquals(alone.code, 2);
    assertMatch(alone.stderr, /Cannot use --build-image without --container/);
    await run(kbuildArgv("make-clean", "--yes"), { cwd: root, env: engine.env });
    assertEquals(await output(["git", "-C", root, "status", "--porcelain"]), "?? pkg/t/\n");
  },
);

Deno.test({
  ...unless(missingFor("1.20"), "builds, tests and releases without --container start no engine"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const bin = join(dir, "bin");
      const logs = [
        await fakeEngine(bin, "docker", "exit 1"),
        await fakeEngine(bin, "podman", "exit 1"),
      ];
      const env = { DOCKER_HOST: "tcp://127.0.0.1:1", PATH: `${bin}:${ENV["PATH"]}` };
      const commands = [
        ["plan", "quick-release"],
        ["all", "cmd/kubectl"],
        ["generated_files"],
        ["test", "pkg/util/slice"],
        ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy", "--bases", "scratch"],
        ["verify-release"],
        ["inspect"],
        ["clean"],
      ];
      for (const words of commands) await kbuildOk(words, { cwd: root, env });
      for (const log of logs) assertEquals(await log(), []);
      // The same engine, where it is asked for.
      const refused = await kbuild(["all", "cmd/kubectl", "--container"], { cwd: root, env });
      assertEquals(refused.code, 1);
      assertMatch(refused.stderr, /^kbuild: Cannot use docker/m);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "cross-in-a-container and release-in-a-container need no engine"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const arch = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
      const options = { cwd: root, env: { KUBE_BUILD_PLATFORMS: `linux/${arch}` } };
      const printed = await kbuildOk(["cross-in-a-container", "WHAT=cmd/kubectl"], options);
      const built = `_output/dockerized/bin/linux/${arch}/kubectl`;
      assertEquals(printed, `${built}\n`);
      const bytes = await Deno.readFile(join(root, built));
      const words = ["release-in-a-container", "WHAT=cmd/kubectl", "--bases", "scratch"];
      const variables = ["KUBE_RELEASE_RUN_TESTS=n", "--json"];
      const digests = digestsOf(await kbuildOk([...words, ...variables], options));
      assert(Object.keys(digests).some((path) => path.includes("kubernetes-client-linux")));
      assertEquals(await Deno.readFile(join(root, built)), bytes);
    }),
});
