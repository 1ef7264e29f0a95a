import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { CLONE, run } from "../e2e/_program.ts";

Deno.test("scripts/task writes no colours into a file", async () => {
  const { code, stdout, stderr } = await run([
    Deno.execPath(),
    ...["run", "-A", "--no-prompt", "--config", join(CLONE, "deno.npm.json")],
    ...[join(CLONE, "scripts/task.ts"), "deno.npm.json", "test", "tests/cli/write_all_test.ts"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "1 passed");
  assertEquals(stdout.includes("\x1b"), false);
});
