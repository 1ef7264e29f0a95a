/**
 * `kbuild generated_files` and `kbuild update-codegen`, killed or interrupted at random moments: each file is the old or the new one, and the next run
 * makes the rest. `KBUILD_TEST_KILLS` says how often (4), `KBUILD_TEST_SEED` when.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { FILES, writeFiles } from "../generate/_codegen.ts";
import { randomNumbers } from "./_packaging.ts";
import {
  ended,
  inScratch,
  kbuildArgv,
  kbuildOk,
  makeSample,
  missingFor,
  processesBelow,
  start,
  unless,
} from "./_program.ts";

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

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

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
        console.log(`KBUILD_TEST_SEED=${SEED}`);
        const random = randomNumbers(SEED);
        const root = await makeSample(era, join(dir, "kubernetes"));
        await writeFiles(root, files);
        const contents = () => outputs.map((path) => Deno.readTextFileSync(join(root, path)));
        const wanted: string[][] = [];
        let took = 0;
        for (const which of [0, 1, 0]) {
          await writeFiles(root, types(which));
          const started = performance.now();
          await kbuildOk(args, { cwd: root });
          took = performance.now() - started;
          wanted[which] = contents();
        }
        let killed = 0;
        for (let at = 0; at < KILLS; at++) {
          const which = 1 - at % 2;
          await writeFiles(root, types(which));
          const ms = took * (0.2 + 0.9 * random());
          const signal = random() < 0.5 ? "SIGKILL" : "SIGINT";
          const moment = `try ${at} of seed ${SEED}, ${signal} after ${ms.toFixed(0)} ms`;
          const child = start(kbuildArgv(...args), { cwd: root });
          const whole = ended(child);
          await Promise.race([pause(ms), whole]);
          try {
            child.kill(signal);
          } catch {
            // It was faster.
          }
          const end = await whole;
          // 130: it has ended its programs itself.
          if (end.signal !== null || end.code === 130) killed++;
          else assertEquals(end.code, 0, `${moment}: ${end.stderr}`);
          for (let i = 0; i < 200 && processesBelow(dir).length > 0; i++) await pause(50);
          for (const [index, text] of contents().entries()) {
            const isWhole = text === wanted[which]![index] || text === wanted[1 - which]![index];
            assert(isWhole, `${outputs[index]} is neither old nor new: ${moment}`);
          }
          await kbuildOk(args, { cwd: root });
          assertEquals(contents(), wanted[which], moment);
          const left = [...Deno.readDirSync(join(root, "_output/local"))].map(({ name }) => name);
          assertEquals(left.filter((name) => name.startsWith(".kbuild-tmp-")), [], moment);
        }
        assert(killed > 0, `seed ${SEED}: every run was faster than its kill`);
      }),
  });
}
