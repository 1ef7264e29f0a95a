/** Commands that work in a container with Go, beside builds: tests, and those for people who are in one already. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { containersOf, engineTest, findDocker, makeGoRoot } from "./_containers.ts";
import { addProgram } from "./_engine.ts";
import { addIntegrationTests, NO_ETCD } from "./_etcd.ts";
import { fakeEngine } from "../container/_engines.ts";
import {
  digestsOf,
  ENV,
  GOARCH,
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

/** What the sample's script for integration tests does not do: it starts etcd. They fail if a file says so. */
const START_ETCD = `kube::etcd::start() {
  [ -e /.dockerenv ]
  [ ! -e _output/fail ] || export KBUILD_FAIL=y
  etcd --data-dir /tmp/etcd >/tmp/etcd.log 2>&1 &
  trap "kill $!" EXIT
  while ! (: </dev/tcp/127.0.0.1/2379) 2>/dev/null; do sleep 0.1; done
}`;

const isAsked = Deno.env.get("KBUILD_TEST_RELEASES") === "all";
engineTest(
  isAsked ? lacking ?? NO_ETCD ?? docker : "takes minutes: KBUILD_TEST_RELEASES=all",
  "docker",
  "release --container tests in containers, before anything is built",
  async (engine, root, dir) => {
    const image = await makeGoRoot(join(dir, "go"), goroot);
    for (const program of ["etcd", "paste"]) await addProgram(image, program);
    await engine.import(image, IMAGE);
    await addIntegrationTests(root);
    const script = join(root, "hack/make-rules/test-integration.sh");
    const text = await Deno.readTextFile(script);
    await Deno.writeTextFile(script, text.replace("kube::etcd::start() { :; }", START_ETCD));
    await Deno.chmod(script, 0o755);
    const rule =
      "\n.PHONY: test-integration\ntest-integration:\n\thack/make-rules/test-integration.sh\n";
    await Deno.writeTextFile(join(root, "build/root/Makefile"), rule, { append: true });
    const env = { ...engine.env, KUBE_BUILD_PLATFORMS: `linux/${GOARCH}` };
    const given = ["--container", "--engine", engine.name, "--build-image", IMAGE];
    const words = ["WHAT=cmd/kubectl", "KUBE_RELEASE_RUN_TESTS=y", "--bases", "scratch", "--json"];
    const release = (...more: string[]) =>
      run(kbuildArgv("release", ...given, ...words, ...more), { cwd: root, env });
    const tars = join(root, "_output/release-tars");
    const isThere = () => Deno.stat(tars).then(() => true, () => false);

    await Deno.mkdir(join(root, "_output"), { recursive: true });
    await Deno.writeTextFile(join(root, "_output/fail"), "");
    const failed = await release();
    assertEquals(failed.code, 1, failed.stderr);
    assertMatch(failed.stderr, /Packages: [1-9]\d* passed/);
    assertStringIncludes(failed.stderr, "--- FAIL: TestFails");
    const said = JSON.parse(failed.stdout).error;
    assertEquals(
      said.message,
      "Command make test-integration failed in the container: status 2",
    );
    assertEquals(said.notes, ["Release without tests: KUBE_RELEASE_RUN_TESTS=n"]);
    assertEquals(await isThere(), false);

    await Deno.remove(join(root, "_output/fail"));
    const made = await release();
    assertEquals(made.code, 0, made.stderr);
    assertMatch(made.stderr, /^ok\s.*test\/integration\/etcd/m);
    const names = Object.keys(digestsOf(made.stdout));
    assert(names.some((path) => path.includes("kubernetes-client-linux")));
    assertEquals(await containersOf(engine, root), "");

    const plan = await run(kbuildArgv("plan", "release", ...given, ...words), { cwd: root, env });
    const starts = JSON.parse(plan.stdout).processes.map(({ argv }: { argv: string[] }) =>
      argv.join(" ")
    );
    const [unit, integration, build] = [/ test -json /, / make test-integration$/, / install /].map(
      (pattern) => starts.findIndex((start: string) => pattern.test(start)),
    );
    assert(unit! >= 0 && unit! < integration! && integration! < build!, starts.join("\n"));
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
      const options = { cwd: root, env: { KUBE_BUILD_PLATFORMS: `linux/${GOARCH}` } };
      const printed = await kbuildOk(["cross-in-a-container", "WHAT=cmd/kubectl"], options);
      const built = `_output/dockerized/bin/linux/${GOARCH}/kubectl`;
      assertEquals(printed, `${built}\n`);
      const bytes = await Deno.readFile(join(root, built));
      const words = ["release-in-a-container", "WHAT=cmd/kubectl", "--bases", "scratch"];
      const variables = ["KUBE_RELEASE_RUN_TESTS=n", "--json"];
      const digests = digestsOf(await kbuildOk([...words, ...variables], options));
      assert(Object.keys(digests).some((path) => path.includes("kubernetes-client-linux")));
      assertEquals(await Deno.readFile(join(root, built)), bytes);
    }),
});
