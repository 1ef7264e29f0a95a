import { assertEquals } from "@std/assert";
import { variablesOf } from "../../src/cli/mod.ts";
import { checkCommands } from "../cli/_check_commands.ts";
import { COMMANDS, TOPICS } from "../../src/commands/mod.ts";
import { SAMPLE_ERAS } from "../../src/sample/mod.ts";

Deno.test("COMMANDS are without slips", () => {
  assertEquals(checkCommands(COMMANDS), []);
});

Deno.test("demo offers every shape that the sample has", () => {
  const demo = COMMANDS.find(({ name }) => name === "demo");
  assertEquals(demo?.flags.find(({ name }) => name === "era")?.choices, SAMPLE_ERAS);
});

Deno.test("the page of variables has every variable that a command reads, once", () => {
  const page = TOPICS.find(({ name }) => name === "variables");
  const listed = page?.sections.flatMap(({ rows }) => rows.map(([name]) => name)) ?? [];
  const read = new Set(COMMANDS.flatMap((command) => variablesOf(command).map(({ name }) => name)));
  assertEquals([...read].filter((name) => !listed.includes(name)), []);
  assertEquals(listed.filter((name, i) => listed.indexOf(name) !== i), []);
});
