import { fromFileUrl } from "@std/path";
import { assert, assertEquals } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };
import { commandsMarkdown } from "../../scripts/dist/commands_markdown.ts";
import { manPage } from "../../scripts/dist/man_page.ts";
import { COMMANDS, TOPICS } from "../../src/commands/mod.ts";
import { output, run, unless, which } from "../e2e/_program.ts";

const DOCS = new URL("../../docs/", import.meta.url);

Deno.test("docs/ is what `scripts/task docs` makes of the commands", async () => {
  const read = (name: string) => Deno.readTextFile(new URL(name, DOCS));
  assertEquals(await read("commands.md"), commandsMarkdown(COMMANDS, TOPICS));
  assertEquals(await read("kbuild.1"), manPage(COMMANDS, TOPICS, denoConfig.version));
});

Deno.test({
  ...unless(
    which("groff") === undefined && "needs groff",
    "kbuild.1 is read by groff without a warning, every command in it",
  ),
  fn: async () => {
    const file = fromFileUrl(new URL("kbuild.1", DOCS));
    const warnings = await run(["groff", "-man", "-Tutf8", "-ww", "-z", file]);
    assertEquals([warnings.code, warnings.stderr], [0, ""]);
    const text = await output(["groff", "-man", "-Tutf8", "-P-cbou", file]);
    const plain = text.replaceAll(/\s+/g, " ");
    for (const { name } of COMMANDS) assert(plain.includes(name), name);
  },
});
