/** What the commands for containers say, with a docker that only answers. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ANSWERS, fakeEngine } from "../container/_engines.ts";
import { type Ended, ENV, inScratch, kbuildArgv, makeSample, run } from "../e2e/_program.ts";

type Start = (words: readonly string[], env?: Record<string, string>) => Promise<Ended>;

/** Runs commands of kbuild in a checkout, with a docker that runs a script. */
function withDocker(
  era: "1.20" | "latest",
  script: string,
  fn: (kbuild: Start, starts: () => Promise<readonly (readonly string[])[]>) => Promise<void>,
): Promise<void> {
  return inScratch(async (dir) => {
    const root = await makeSample(era, join(dir, "kubernetes"));
    const bin = join(dir, "bin");
    const starts = await fakeEngine(bin, "docker", script);
    const PATH = `${bin}:${ENV["PATH"]}`;
    const kbuild: Start = (words, env = {}) =>
      run(kbuildArgv(...words), { cwd: root, env: { PATH, HOSTNAME: "myhost", ...env } });
    await fn(kbuild, starts);
  });
}

Deno.test("kbuild run leaves what follows the program to it, --json and --debug, too", () =>
  withDocker("latest", `[ "$1" != run ] || exit 3\n${ANSWERS}`, async (kbuild) => {
    const own = "kbuild: Command ls --json --debug failed in the container: status 3\n";
    const { code, stdout, stderr } = await kbuild(["run", "ls", "--json", "--debug"]);
    assertEquals([code, stdout, stderr], [3, "", own]);
    const refused = await kbuild(["run", "--json", "ls"]);
    assertEquals(refused.code, 2);
    assertMatch(refused.stdout, /"message": "Cannot use --json with/);
  }));

Deno.test("a builder of buildx in KBUILD_ENGINE is for commands that build", () =>
  withDocker("latest", ANSWERS, async (kbuild, starts) => {
    for (const KBUILD_ENGINE of ["buildx", "buildx:farm"]) {
      for (const words of [["run", "true"], ["make-clean", "--dry-run"], ["make-build-image"]]) {
        const { code, stderr } = await kbuild(words, { KBUILD_ENGINE });
        assertEquals([words, code], [words, 0], stderr);
      }
    }
    const count = (await starts()).filter(([word]) => word === "run").length;
    assertEquals(count, 2);
    const unknown = await kbuild(["run", "true"], { KBUILD_ENGINE: "rkt" });
    assertEquals(unknown.code, 2);
    const given = await kbuild(["run", "--engine", "buildx", "true"]);
    assertEquals(given.code, 2);
  }));

Deno.test("kbuild copy-output names a volume that it does not use", () =>
  withDocker(
    "1.20",
    `[ "$1 $2" != "volume ls" ] || echo "\${5#name=}"\n${ANSWERS}`,
    async (kbuild) => {
      const { code, stdout, stderr } = await kbuild(["copy-output"]);
      assertEquals([code, stdout], [0, "_output/dockerized/bin\n"], stderr);
      assertMatch(stderr, /The volume kube-build-data-[0-9a-f]{10}-kbuild has a copy/);
      assertMatch(stderr, /kbuild copy-output --sync volume copies its outputs/);
      const bind = await kbuild(["copy-output", "--sync", "bind"]);
      assertEquals([bind.code, /volume/.test(bind.stderr)], [0, false], bind.stderr);
    },
  ));

Deno.test("what has no effect on a container, or is wrong with it, is said", () =>
  withDocker(
    "1.20",
    `[ "$1" != --foo ] || { echo "unknown flag: --foo" >&2; exit 125; }\n${ANSWERS}`,
    async (kbuild) => {
      const words = ["make-build-image", "--engine", "docker"];
      const ignored = await kbuild(words, { KUBE_CROSS_VERSION: "v9" });
      assertEquals(ignored.code, 0, ignored.stderr);
      assertMatch(ignored.stderr, /KUBE_CROSS_VERSION has no effect: .* do not read it/);
      const named = await kbuild([...words, "--build-image", "a:v8"], { KUBE_CROSS_VERSION: "v9" });
      assertEquals([named.code, named.stderr], [0, ""]);
      const misspelt = await kbuild(words, { KUBE_BUILD_IMAGE: "a:v8" });
      assertMatch(misspelt.stderr, /"KUBE_BUILD_IMAGE" .* did you mean "KBUILD_BUILD_IMAGE"\?/);
      const options = await kbuild(words, { DOCKER_OPTS: "--foo" });
      assertEquals(options.code, 1);
      assertStringIncludes(
        options.stderr,
        "Each start of docker has the options of DOCKER_OPTS: --foo",
      );
      const empty = await kbuild(["run", ""]);
      assertEquals(empty.code, 2);
      assertMatch(empty.stderr, /the name of the program is empty/);
      for (const command of ["vet", "verify", "test-integration", "generated_files"]) {
        const { code, stderr } = await kbuild([command, "--container"]);
        assertEquals(code, 2);
        assertMatch(stderr, new RegExp(`kbuild run make ${command}$`, "m"));
      }
      const plan = await kbuild(["plan", "run", "--sync", "volume", "true"]);
      assertMatch(plan.stderr, /Sources would be copied into the volume/);
    },
  ));
