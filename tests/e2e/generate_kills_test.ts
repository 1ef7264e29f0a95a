/**
 * `kbuild generated_files` that is killed at random moments: each file is the old or the new one, and the next run
 * makes the rest. `KBUILD_TEST_KILLS` says how often (8), `KBUILD_TEST_SEED` when.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
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

const KILLS = Number(Deno.env.get("KBUILD_TEST_KILLS") ?? 8);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1_000_000);
const ARGS = ["generated_files", "deepcopy", "openapi"];
const OUTPUTS = [
  ...["apps", "autoscaling", "core"].map((group) =>
    `staging/src/k8s.io/api/${group}/v1/zz_generated.deepcopy.go`
  ),
  "pkg/generated/openapi/zz_generated.openapi.go",
];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test({
  ...unless(
    missingFor("1.20") || (Deno.build.os !== "linux" && "needs /proc"),
    `${KILLS} SIGKILLs at random moments of generated_files leave old or new files, and the next run ends right`,
  ),
  fn: () =>
    inScratch(async (dir) => {
      console.log(`KBUILD_TEST_SEED=${SEED}`);
      const random = randomNumbers(SEED);
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const contents = () => OUTPUTS.map((path) => Deno.readTextFileSync(join(root, path)));
      /** The checkout has one of two sets of types. */
      const choose = (which: number) => {
        for (const group of ["apps", "autoscaling", "core"]) {
          Deno.writeTextFileSync(
            join(root, `staging/src/k8s.io/api/${group}/v1/more.go`),
            `package v1\n\ntype More${which} struct {\n}\n`,
          );
        }
      };
      const wanted: string[][] = [];
      let took = 0;
      for (const which of [0, 1, 0]) {
        choose(which);
        const started = performance.now();
        await kbuildOk(ARGS, { cwd: root });
        took = performance.now() - started;
        wanted[which] = contents();
      }
      let killed = 0;
      for (let at = 0; at < KILLS; at++) {
        const which = 1 - at % 2;
        choose(which);
        const ms = took * (0.2 + 0.9 * random());
        const moment = `try ${at} of seed ${SEED}, SIGKILL after ${ms.toFixed(0)} ms`;
        const child = start(kbuildArgv(...ARGS), { cwd: root });
        const timer = setTimeout(() => child.kill("SIGKILL"), ms);
        if ((await ended(child)).signal === "SIGKILL") killed++;
        clearTimeout(timer);
        for (let i = 0; i < 200 && processesBelow(dir).length > 0; i++) await pause(50);
        for (const [index, text] of contents().entries()) {
          const isWhole = text === wanted[which]![index] || text === wanted[1 - which]![index];
          assert(isWhole, `${OUTPUTS[index]} is neither old nor new: ${moment}`);
        }
        await kbuildOk(ARGS, { cwd: root });
        assertEquals(contents(), wanted[which], moment);
        const left = [...Deno.readDirSync(join(root, "_output/local"))].map(({ name }) => name);
        assertEquals(left.filter((name) => name.startsWith(".kbuild-tmp-")), [], moment);
      }
      assert(killed > 0, `seed ${SEED}: every run was faster than its kill`);
    }),
});
