/**
 * `kbuild generated_files` and `kbuild update-codegen`, killed or interrupted at random moments: each file is the old or the new one, and the next run
 * makes the rest. `KBUILD_TEST_KILLS` says how often (4), `KBUILD_TEST_SEED` when.
 */
import { join } from "@std/path";
import { FILES, writeFiles } from "../generate/_codegen.ts";
import { killGenerators } from "./_generated_kills.ts";
import { inScratch, makeSample, missingFor, unless } from "./_program.ts";

const KILLS = Number(Deno.env.get("KBUILD_TEST_KILLS") ?? 4);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1_000_000);
const GROUPS = ["apps", "autoscaling", "core"];

/** Checkouts whose generators are killed. */
const CASES: readonly {
  readonly era: "1.20" | "1.35";
  readonly args: readonly string[];
  /** Written before. */
  readonly files: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
  /** Sources of one of two sets of types. */
  types(which: number): Readonly<Record<string, string>>;
}[] = [
  {
    era: "1.20",
    args: ["generated_files", "deepcopy", "openapi"],
    files: {},
    outputs: [
      ...GROUPS.map((group) => `staging/src/k8s.io/api/${group}/v1/zz_generated.deepcopy.go`),
      "pkg/generated/openapi/zz_generated.openapi.go",
    ],
    types: (which) =>
      Object.fromEntries(GROUPS.map((group) => [
        `staging/src/k8s.io/api/${group}/v1/more.go`,
        `package v1\n\ntype More${which} struct {\n}\n`,
      ])),
  },
  {
    era: "1.35",
    args: ["update-codegen", "deepcopy", "docs", "clients", "subprojects"],
    files: FILES,
    outputs: [
      ...["pkg/a", "pkg/b", "sub/one/apis/v1"].map((place) => `${place}/zz_generated.deepcopy.go`),
      ...["pkg/a/docs_generated.go", "pkg/client/a.go", "pkg/client/b.go"],
    ],
    types: (which) =>
      Object.fromEntries(["pkg/a", "pkg/b", "sub/one/apis/v1"].map((place) => [
        `${place}/types.go`,
        `${FILES[`${place}/types.go`]}\ntype More${which} struct {\n}\n`,
      ])),
  },
];

for (const { era, args, files, outputs, types } of CASES) {
  Deno.test({
    ...unless(
      missingFor(era) || (Deno.build.os !== "linux" && "needs /proc"),
      `${KILLS} times SIGKILL or Ctrl-C at random moments of ${
        args[0]
      } leave old or new files, and the next run ends right`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        await writeFiles(root, files);
        await killGenerators({ root, args, outputs, types, kills: KILLS, seed: SEED });
      }),
  });
}
