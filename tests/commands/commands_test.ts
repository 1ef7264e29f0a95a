import { assertEquals } from "@std/assert";
import { checkCommands } from "../../src/cli/mod.ts";
import { COMMANDS } from "../../src/commands/mod.ts";

Deno.test("COMMANDS are without slips", () => {
  assertEquals(checkCommands(COMMANDS), []);
});
