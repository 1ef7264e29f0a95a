import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { type AskedBuild, planBuild } from "../../src/commands/build_run.ts";
import type { OpenCheckout } from "../../src/commands/context.ts";
import { sharedMode, shareIn } from "../../src/commands/shared_results.ts";
import { UsageError } from "../../src/errors.ts";
import { inScratch, kbuild, makeSample, missingFor, unless } from "../e2e/_program.ts";

Deno.test("shareIn() reads a part, or what a scheduler says", () => {
  const table: [Record<string, string>, [number, number]][] = [
    [{ KBUILD_SHARD: "2/8" }, [2, 8]],
    [{ KBUILD_SHARD: "1/1", JOB_COMPLETION_INDEX: "7" }, [1, 1]],
    [{ KBUILD_SHARD: "auto/8", JOB_COMPLETION_INDEX: "0" }, [1, 8]],
    [{ KBUILD_SHARD: "auto", CI_NODE_INDEX: "3", CI_NODE_TOTAL: "4" }, [3, 4]],
    [{ KBUILD_SHARD: "auto", CIRCLE_NODE_INDEX: "3", CIRCLE_NODE_TOTAL: "4" }, [4, 4]],
    [{ KBUILD_SHARD: "auto", BUILDKITE_PARALLEL_JOB: "0", BUILDKITE_PARALLEL_JOB_COUNT: "2" }, [
      1,
      2,
    ]],
    [
      { KBUILD_SHARD: "auto", SYSTEM_JOBPOSITIONINPHASE: "2", SYSTEM_TOTALJOBSINPHASE: "2" },
      [2, 2],
    ],
  ];
  for (const [env, [index, of]] of table) assertEquals(shareIn(env), { index, of });
  assertEquals(shareIn({ CI_NODE_INDEX: "1", CI_NODE_TOTAL: "2" }), undefined);
});

Deno.test("shareIn() refuses what is not a part", () => {
  const table: Record<string, string>[] = [
    ...["0/2", "3/2", "2", "a/b", "1/0", "-1/2", "1/2/3", "auto/x"].map((KBUILD_SHARD) => ({
      KBUILD_SHARD,
    })),
    { KBUILD_SHARD: "auto" },
    { KBUILD_SHARD: "auto", JOB_COMPLETION_INDEX: "0" },
    { KBUILD_SHARD: "auto", CI_NODE_INDEX: "0", CI_NODE_TOTAL: "4" },
    { KBUILD_SHARD: "auto/4", JOB_COMPLETION_INDEX: "4" },
  ];
  for (const env of table) {
    assertThrows(() => shareIn(env), UsageError, `Cannot use --shard "${env["KBUILD_SHARD"]}": `);
  }
});

Deno.test("sharedMode() refuses what nobody would get", () => {
  assertThrows(() => sharedMode({ KBUILD_SHARD: "1/2" }), UsageError, "--shard without --store");
  assertThrows(() => sharedMode({ KBUILD_GATHER: "y" }), UsageError, "--gather without --store");
  const KBUILD_STORE = "x";
  assertThrows(() => sharedMode({ KBUILD_STORE, KBUILD_SHARD: "1/2", KBUILD_GATHER: "y" }));
  assertThrows(() =>
    sharedMode({ KBUILD_STORE, KBUILD_SHARD: "1/2", KBUILD_STORE_READ_ONLY: "y" })
  );
  assertEquals(sharedMode({ KBUILD_STORE }), { mode: "make", share: undefined });
  assertEquals(sharedMode({ KBUILD_STORE, KBUILD_GATHER: "y" }).mode, "gather");
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    "gathering from a store that cannot be asked says so, and calls nothing missing",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      listener.close();
      const store = `http://127.0.0.1:${listener.addr.port}/x`;
      const { code, stderr } = await kbuild(
        ["gather", "all", "WHAT=cmd/kubectl", "--store", store],
        { cwd: root },
      );
      assertEquals(code, 1);
      assertMatch(stderr, /^kbuild: Cannot gather the results: the store ".*" cannot be used$/m);
      assertEquals(/missing|lacks/.test(stderr), false, stderr);
    }),
});

Deno.test("planBuild() refuses a share of what nodes build before it asks them", async () => {
  let asked = 0;
  const open = {
    context: { env: { KBUILD_STORE: "x", KBUILD_SHARD: "1/2" } },
    elsewhere: { prepare: () => Promise.reject(new Error(`asked ${++asked}`)) },
  };
  const stamp = () => Promise.reject(new Error("stamped"));
  const planning = () =>
    planBuild(open as unknown as OpenCheckout, {} as AskedBuild, stamp, { fetch: false });
  await assertRejects(planning, UsageError, "with --engine buildx");
  assertEquals(asked, 0);
});

Deno.test("flags of stores that have no effect are refused", async () => {
  const table = [
    [["all", "--durations", "f"], "--durations"],
    [["all", "--store-read-only"], "--store-read-only"],
  ] as const;
  for (const [words, flag] of table) {
    const { code, stderr } = await kbuild(words, {});
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, `Flag "${flag}" has no effect without `);
  }
});
