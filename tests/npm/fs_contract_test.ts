/**
 * What kbuild expects of `@std/fs`. The file knows the module by its bare name alone, so it can be
 * run against the stand-in and against the original (see `originals_test.ts`).
 */
import { assert, assertArrayIncludes, assertEquals, assertRejects } from "@std/assert";
import { walk, type WalkOptions } from "@std/fs";
import { join } from "@std/path";

/** Runs a test in a directory whose name is as awkward as a user's may be. */
function inDirectory(name: string, test: (dir: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const top = await Deno.makeTempDir({ prefix: "kbuild fs $(x) ü " });
    try {
      await test(await Deno.realPath(top));
    } finally {
      await Deno.remove(top, { recursive: true });
    }
  });
}

async function tree(dir: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, name);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    if (text.startsWith("-> ")) await Deno.symlink(text.slice(3), path);
    else await Deno.writeTextFile(path, text);
  }
}

async function walked(root: string, options?: WalkOptions): Promise<string[]> {
  const entries = await Array.fromAsync(walk(root, options));
  return entries.map((entry) => entry.path === root ? "." : entry.path.slice(root.length + 1))
    .sort();
}

const WALKED = {
  "a.go": "",
  "b.ts": "",
  "d/c.go": "",
  "d/e/f.go": "",
  "d/n\nl": "",
  "link.go": "-> a.go",
  "dlink": "-> d/e",
};

inDirectory("walk() filters", async (dir) => {
  await tree(dir, WALKED);
  const table: [WalkOptions | undefined, string[]][] = [
    [undefined, [
      ".",
      "a.go",
      "b.ts",
      "d",
      "d/c.go",
      "d/e",
      "d/e/f.go",
      "d/n\nl",
      "dlink",
      "link.go",
    ]],
    [{ includeDirs: false, includeSymlinks: false }, [
      "a.go",
      "b.ts",
      "d/c.go",
      "d/e/f.go",
      "d/n\nl",
    ]],
    [{ includeDirs: false }, [
      "a.go",
      "b.ts",
      "d/c.go",
      "d/e/f.go",
      "d/n\nl",
      "dlink",
      "link.go",
    ]],
    [{ includeSymlinks: false }, [".", "a.go", "b.ts", "d", "d/c.go", "d/e", "d/e/f.go", "d/n\nl"]],
  ];
  for (const [options, expected] of table) {
    assertEquals(await walked(dir, options), expected, Deno.inspect(options));
  }
});

inDirectory("walk() yields entries of the kind that is there, the root first", async (dir) => {
  await tree(dir, { "d/file": "", link: "-> d" });
  const entries = await Array.fromAsync(walk(dir));
  assertEquals(entries[0]?.path, dir);
  assertArrayIncludes(entries, [
    { path: join(dir, "d"), name: "d", isDirectory: true, isFile: false, isSymlink: false },
    { path: join(dir, "d/file"), name: "file", isDirectory: false, isFile: true, isSymlink: false },
    { path: join(dir, "link"), name: "link", isDirectory: false, isFile: false, isSymlink: true },
  ]);
  const paths = entries.map((entry) => entry.path);
  assert(paths.indexOf(join(dir, "d")) < paths.indexOf(join(dir, "d/file")));
});

inDirectory("walk() fails on a missing root", async (dir) => {
  await assertRejects(() => Array.fromAsync(walk(join(dir, "no"))), Deno.errors.NotFound);
  await assertRejects(
    () => Array.fromAsync(walk(join(dir, "no"), { includeDirs: false })),
    Deno.errors.NotFound,
  );
});
