/**
 * `kbuild generated_files` in a part of real 1.20.2, killed or interrupted at random moments: each file is the old or the new
 * one, and the next run makes the rest. `KBUILD_TEST_KILLS` says how often (4), `KBUILD_TEST_SEED` when.
 */
import { join } from "@std/path";
import { killGenerators } from "../e2e/_generated_kills.ts";
import { inside, openPart, outside } from "./_part.ts";
import { findRealTree, goBin, NEEDS_TREE } from "./_tree.ts";

const KILLS = Number(Deno.env.get("KBUILD_TEST_KILLS") ?? 4);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1e6);
const GROUPS = ["autoscaling", "batch"];

const tree = findRealTree({ fetch: false });
const bin = goBin();
const LABEL =
  `${KILLS} times SIGKILL or Ctrl-C in a part of 1.20.2 leave old or new files, and the next run ends right`;

Deno.test({
  name: tree === undefined || bin === undefined ? `${LABEL} (skipped: ${NEEDS_TREE})` : LABEL,
  ignore: tree === undefined || bin === undefined || Deno.build.os !== "linux",
  fn: async () => {
    const cache = await Deno.makeTempDir({ prefix: "kbuild go cache-" });
    const part = await openPart(tree!, bin!, cache);
    try {
      const { root } = part;
      await killGenerators({
        root,
        args: ["generated_files", "deepcopy", "defaulter", "conversion", "openapi"],
        env: {
          PATH: `${bin}:${Deno.env.get("PATH")}`,
          HOME: join(root, ".."),
          GOCACHE: cache,
          FORCE_HOST_GO: "y",
          UPDATE_API_KNOWN_VIOLATIONS: "true",
        },
        outputs: [
          ...GROUPS.flatMap((group) => [
            `${outside(group)}/zz_generated.deepcopy.go`,
            `${inside(group)}/zz_generated.deepcopy.go`,
            `${inside(group)}/v1/zz_generated.conversion.go`,
          ]),
          "pkg/generated/openapi/zz_generated.openapi.go",
        ],
        types: (which) =>
          Object.fromEntries(GROUPS.flatMap((group) => [
            [
              `${outside(group)}/more.go`,
              `package v1\n\n// More is a type.\ntype More${which} struct {\n\tFirst []string \`json:"first"\`\n}\n`,
            ],
            [
              `${inside(group)}/more.go`,
              `package ${group}\n\n// More is a type.\ntype More${which} struct {\n\tFirst []string\n}\n`,
            ],
          ])),
        kills: KILLS,
        seed: SEED,
      });
    } finally {
      await part.remove();
      await Deno.remove(cache, { recursive: true });
    }
  },
});
