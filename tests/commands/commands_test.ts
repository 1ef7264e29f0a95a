import { assertEquals } from "@std/assert";
import { checkCommands } from "../../src/cli/mod.ts";
import { COMMANDS } from "../../src/commands/mod.ts";
import { SAMPLE_ERAS } from "../../src/sample/mod.ts";

Deno.test("COMMANDS are without slips", () => {
  assertEquals(checkCommands(COMMANDS), []);
});

Deno.test("demo offers every shape that the sample has", () => {
  const demo = COMMANDS.find(({ name }) => name === "demo");
  assertEquals(demo?.flags.find(({ name }) => name === "era")?.choices, SAMPLE_ERAS);
});
