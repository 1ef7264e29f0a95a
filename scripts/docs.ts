/**
 * Writes `docs/commands.md` and `docs/kbuild.1` from the data of the commands.
 *
 * Usage: scripts/task docs
 */
import { join } from "@std/path";
import denoConfig from "../deno.json" with { type: "json" };
import { COMMANDS, TOPICS } from "../src/commands/mod.ts";
import { commandsMarkdown } from "./dist/commands_markdown.ts";
import { manPage } from "./dist/man_page.ts";
import { scriptMain } from "./dist/script.ts";

await scriptMain(async ({ root }) => {
  await Deno.mkdir(join(root, "docs"), { recursive: true });
  await Deno.writeTextFile(join(root, "docs/commands.md"), commandsMarkdown(COMMANDS, TOPICS));
  await Deno.writeTextFile(
    join(root, "docs/kbuild.1"),
    manPage(COMMANDS, TOPICS, denoConfig.version),
  );
}, []);
