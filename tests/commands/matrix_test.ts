/** Files of CIs and clusters, read back by the systems' own checkers where those are here. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { matrixFile, type MatrixRequest } from "../../src/commands/matrix_run.ts";
import { MATRIX_SYSTEMS } from "../../src/commands/matrix_systems.ts";
import { toYaml } from "../../src/commands/yaml.ts";
import { UsageError } from "../../src/errors.ts";
import { inScratch, kbuild, makeSample, run, unless, which } from "../e2e/_program.ts";

const REQUEST: MatrixRequest = {
  store: "oci://registry.example/kbuild?insecure",
  words: ["quick-release", "WHAT=cmd/kubectl cmd/it's", "GOFLAGS=-tags=$(x)"],
  shards: 3,
  image: "registry.example/kbuild:1",
};

Deno.test("toYaml() quotes what YAML would take for something else", () => {
  const value = {
    plain: "a-b/c.d@e",
    on: ["y", "1", "a: b", "# c", "", "*"],
    numbers: [1, true],
    nested: [{ a: 1, b: [] }, ["x"]],
    empty: {},
  };
  assertEquals(
    toYaml(value),
    `plain: a-b/c.d@e
"on":
  - "y"
  - "1"
  - "a: b"
  - "# c"
  - ""
  - "*"
numbers:
  - 1
  - true
nested:
  - a: 1
    b: []
  - - x
empty: {}
`,
  );
});

Deno.test("matrixFile() gives each shard its part, and gathers", () => {
  for (const system of MATRIX_SYSTEMS) {
    const text = matrixFile(system, REQUEST);
    assert(text.includes("gather"), text);
    assert(text.includes(REQUEST.store), text);
  }
  const shards = (system: typeof MATRIX_SYSTEMS[number], word: string) =>
    matrixFile(system, REQUEST).split(word).length - 1;
  assertEquals(shards("github", "matrix.shard }}/3"), 1);
  assertEquals(shards("gitlab", "parallel: 3"), 1);
  assertEquals(shards("job", "auto/3"), 1);
  assertEquals([1, 2, 3].map((index) => shards("prow", `"${index}/3"`)), [1, 1, 1]);
  // What is kept is what the command leaves.
  const kept = (...words: string[]) => matrixFile("gitlab", { ...REQUEST, words });
  assert(kept("release").includes("_output/release-tars"));
  assert(!kept("quick-release-images").includes("_output/release-tars"));
  assert(kept("all").includes("_output/local/bin"));
  assert(kept("cross").includes("_output/local/bin"));
  assert(kept("cross-in-a-container").includes("_output/dockerized/bin"));
  assert(kept("cross", "--container").includes("_output/dockerized/bin"));
  // Kubernetes would replace $(x), GitHub ${{ x }}.
  assertEquals(shards("job", "-tags=$$(x)"), 2);
  assertThrows(() => matrixFile("github", { ...REQUEST, words: ["all", "\${{ x }}"] }), UsageError);
  assertThrows(() => matrixFile("job", { ...REQUEST, image: undefined }), UsageError, "--image");
  assertThrows(() => matrixFile("prow", { ...REQUEST, repository: "x" }), UsageError, "ORG/REPO");
  assertThrows(
    () => matrixFile("job", { ...REQUEST, store: "https://a:b@c/" }),
    UsageError,
    "log-in",
  );
});

Deno.test({
  ...unless(
    which("actionlint") === undefined && "needs actionlint in PATH",
    "a workflow of GitHub is without slips",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const path = join(dir, "release.yml");
      await Deno.writeTextFile(path, matrixFile("github", REQUEST));
      const { code, stdout } = await run(["actionlint", "-no-color", path], { cwd: dir });
      assertEquals([code, stdout], [0, ""]);
    }),
});

Deno.test({
  ...unless(
    which("kubeconform") === undefined && "needs kubeconform in PATH, and its schemas",
    "Jobs are as Kubernetes' schemas have them",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const path = join(dir, "job.yml");
      await Deno.writeTextFile(path, matrixFile("job", REQUEST));
      const { code, stdout, stderr } = await run(["kubeconform", "-strict", path], { cwd: dir });
      if (/could not find schema|failed (down)?loading schema|dial tcp/.test(stdout + stderr)) {
        return;
      }
      assertEquals([code, stdout], [0, ""]);
    }),
});

Deno.test("kbuild matrix refuses flags without effect, and those that belong elsewhere", () =>
  inScratch(async (dir) => {
    const cwd = await makeSample("1.20", join(dir, "kubernetes"));
    const table: readonly (readonly [words: string, reason: string])[] = [
      ["github release --store x", "kbuild matrix --store STORE github release"],
      ["--store x github release --shards 4", 'Unknown flag "--shards"'],
      ["--store x --repository u github release", 'Flag "--repository" has no effect for github'],
      ["--store x github release --shard 1/2", "Cannot take --shard"],
      ["--store x github release KBUILD_STORE=y", "Cannot take --store"],
    ];
    for (const [words, reason] of table) {
      const { code, stderr } = await kbuild(["matrix", ...words.split(" ")], { cwd });
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, reason);
    }
  }));
