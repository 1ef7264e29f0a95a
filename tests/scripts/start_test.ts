/** What every start loads: the data of commands, not their work. */
import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { dirname, fromFileUrl, join, relative } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** Imports that are evaluated with their file; of types nothing is left. */
const STATIC = /^(?:import|export)\s+(?!type\b)[^;"()]*?(?:from\s+)?"(\.[^"]*\.ts)"/gm;

/** Rooms that a command's data and the command line itself need. */
const ROOMS: ReadonlySet<string> = new Set([
  ...["bash", "checkout", "cli", "commands", "errors.ts", "events", "files", "git", "lib"],
  ...["progress", "shell"],
]);

/** Files that are evaluated before a command begins, from the root: each with the one that imports it. */
async function loaded(start: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map([[start, ""]]);
  for (const path of found.keys()) {
    const text = await Deno.readTextFile(join(ROOT, path));
    for (const [, specifier = ""] of text.matchAll(STATIC)) {
      const next = relative(ROOT, join(ROOT, dirname(path), specifier));
      if (!found.has(next)) found.set(next, path);
    }
  }
  return found;
}

Deno.test("main.ts loads no room that only some commands need", async () => {
  const files = await loaded("main.ts");
  assert(files.has("src/commands/all.ts"), "the pattern finds no imports");
  const others = [...files].filter(([path]) =>
    path.startsWith("src/") && !ROOMS.has(path.split("/")[1]!)
  );
  assertEquals(others.map(([path, from]) => `${from} imports ${path}`), []);
});

Deno.test("src has no command line for dax, which binaries leave out", async () => {
  const found: string[] = [];
  for await (const { path } of walk(join(ROOT, "src"), { includeDirs: false })) {
    const inside = relative(ROOT, path);
    // The shell itself, and its examples.
    if (inside.startsWith("src/shell/") || !path.endsWith(".ts")) continue;
    const code = (await Deno.readTextFile(path)).replaceAll(/^\s*(\/?\*|\/\/).*$/gm, "");
    if (/\.\$`|[\s(=]\$`/.test(code)) found.push(inside);
  }
  assertEquals(found, []);
});
