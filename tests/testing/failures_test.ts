import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { keepFailures, type PackageResult, readFailures } from "../../src/testing/mod.ts";
import { rerunsOf } from "../../src/testing/failures.ts";

function pack(name: string, failed: readonly string[] | "passed"): PackageResult {
  const outcome = failed === "passed" ? "passed" : "failed";
  const tests = failed === "passed" ? [] : failed.map((test) => (
    { name: test, outcome, seconds: 0, output: "" } as const
  ));
  return { name, outcome, isCached: false, seconds: 0, tests, output: "" };
}

Deno.test("keepFailures() remembers what failed when it was last tested", async () => {
  const output = await Deno.makeTempDir();
  try {
    const context = { output };
    assertEquals(await readFailures(context), []);
    const keep = (list: PackageResult[], isWhole = true) =>
      keepFailures(context, list, { isWhole });
    await keep([pack("a", ["TestA", "TestA/part", "TestB"]), pack("b", []), pack("c", "passed")]);
    const expected = [{ package: "a", tests: ["TestA", "TestB"] }, { package: "b", tests: [] }];
    assertEquals(await readFailures(context), expected);
    // Some of its tests passed: nothing is known of the others.
    await keep([pack("a", "passed")], false);
    assertEquals(await readFailures(context), expected);
    await keep([pack("a", "passed"), pack("d", ["TestD"])]);
    assertEquals((await readFailures(context)).map((each) => each.package), ["b", "d"]);
    // A damaged note counts as none.
    await Deno.writeTextFile(join(output, ".kbuild/failed-tests.json"), '{"a": 5, "b": [1]');
    assertEquals(await readFailures(context), []);
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});

Deno.test("rerunsOf() tests packages with failed tests by name, others whole", async () => {
  const failures = [
    { package: "a", tests: ["TestB", "TestA"] },
    { package: "b", tests: [] },
    { package: "c", tests: ["TestA", "Test+"] },
  ];
  assertEquals(await rerunsOf(failures, (names) => Promise.resolve(names)), [
    { packages: ["a", "c"], run: "^(Test\\+|TestA|TestB)$" },
    { packages: ["b"], run: undefined },
  ]);
});
