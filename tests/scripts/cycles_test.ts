import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { dirname, fromFileUrl, join, relative } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const IMPORT =
  /^(?:import|export)\b[^;"]*?(?:from\s+)?"(\.[^"]*)"|\bimport\(\s*"(\.[^"]*)"\s*\)/gms;

/** Relative imports of all files of a directory, types too: file → files. */
async function importsBelow(directory: string): Promise<Map<string, readonly string[]>> {
  const imports = new Map<string, readonly string[]>();
  for await (const { path } of walk(join(ROOT, directory), { includeDirs: false })) {
    if (!path.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(path);
    const found = [...text.matchAll(IMPORT)].map(([, statically, late]) =>
      relative(ROOT, join(dirname(path), statically ?? late ?? ""))
    );
    imports.set(relative(ROOT, path), found);
  }
  return imports;
}

/** Cycles, each from its first file back to it; one for each file that closes one. */
function cyclesOf(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, above: readonly string[]): void => {
    const at = above.indexOf(file);
    if (at >= 0) cycles.push([...above.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...above, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return cycles;
}

Deno.test("cyclesOf() finds a cycle, and nothing in a graph without one", () => {
  const chain = new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]]);
  assertEquals(cyclesOf(chain), []);
  assertEquals(cyclesOf(new Map([...chain, ["c", ["a"]]])), ["a -> b -> c -> a"]);
});

Deno.test("no file of src imports itself by way of others", async () => {
  const imports = await importsBelow("src");
  // A pattern that finds no imports would find no cycle.
  assertEquals(imports.get("src/bash/mod.ts")?.includes("src/bash/parser.ts"), true);
  assertEquals(cyclesOf(imports), []);
});
