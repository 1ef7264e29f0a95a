/**
 * What kbuild expects of `@std/fs`. The file knows the module by its bare name alone, so it can be
 * run against the stand-in and against the original (see `originals_test.ts`).
 */
import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  copy,
  emptyDir,
  ensureDir,
  ensureFile,
  ensureSymlink,
  exists,
  move,
  walk,
  type WalkOptions,
} from "@std/fs";
import { join } from "@std/path";
import { pathToFileURL } from "node:url";

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

inDirectory("ensureDir() makes parents and accepts what exists", async (dir) => {
  const path = join(dir, "a/b\n/c");
  await ensureDir(path);
  await ensureDir(path);
  await ensureDir(pathToFileURL(join(dir, "url")));
  assert((await Deno.stat(path)).isDirectory);
  assert((await Deno.stat(join(dir, "url"))).isDirectory);
});

inDirectory("ensureDir() accepts a link to a directory", async (dir) => {
  await tree(dir, { "real/x": "", link: "-> real" });
  await ensureDir(join(dir, "link"));
  assert((await Deno.lstat(join(dir, "link"))).isSymlink);
});

inDirectory("ensureDir() refuses a file", async (dir) => {
  await tree(dir, { file: "" });
  const error = await assertRejects(() => ensureDir(join(dir, "file")), Error);
  assertEquals(error.message, "Failed to ensure directory exists: expected 'dir', got 'file'");
});

inDirectory("ensureDir() allows many callers at once", async (dir) => {
  await Promise.all(Array.from({ length: 20 }, () => ensureDir(join(dir, "x/y/z"))));
  assert((await Deno.stat(join(dir, "x/y/z"))).isDirectory);
});

inDirectory("ensureFile() makes an empty file and leaves one that exists", async (dir) => {
  await ensureFile(join(dir, "a/b/new"));
  assertEquals(await Deno.readTextFile(join(dir, "a/b/new")), "");
  await tree(dir, { old: "text" });
  await ensureFile(join(dir, "old"));
  assertEquals(await Deno.readTextFile(join(dir, "old")), "text");
  const error = await assertRejects(() => ensureFile(join(dir, "a")), Error);
  assertEquals(error.message, "Failed to ensure file exists: expected 'file', got 'dir'");
});

inDirectory("exists() follows links", async (dir) => {
  await tree(dir, { file: "", "directory/x": "", good: "-> file", dangling: "-> nowhere" });
  const table: [string, Parameters<typeof exists>[1], boolean][] = [
    ["file", undefined, true],
    ["directory", undefined, true],
    ["good", undefined, true],
    ["dangling", undefined, false],
    ["nothing", undefined, false],
    ["file", { isFile: true }, true],
    ["file", { isDirectory: true }, false],
    ["directory", { isDirectory: true }, true],
    ["directory", { isFile: true }, false],
    ["good", { isFile: true, isReadable: true }, true],
    ["nothing", { isReadable: true }, false],
  ];
  for (const [name, options, expected] of table) {
    assertEquals(await exists(join(dir, name), options), expected, JSON.stringify([name, options]));
  }
  assertEquals(await exists(pathToFileURL(join(dir, "file"))), true);
});

inDirectory("exists() reads the mode when asked whether it is readable", async (dir) => {
  await tree(dir, { secret: "" });
  await Deno.chmod(join(dir, "secret"), 0o000);
  assertEquals(await exists(join(dir, "secret")), true);
  assertEquals(await exists(join(dir, "secret"), { isReadable: true }), false);
  await Deno.chmod(join(dir, "secret"), 0o400);
  assertEquals(await exists(join(dir, "secret"), { isReadable: true }), true);
});

inDirectory("exists() refuses isFile together with isDirectory", async (dir) => {
  await assertRejects(() => exists(dir, { isFile: true, isDirectory: true }), TypeError);
});

inDirectory(
  "emptyDir() empties a directory, makes a missing one, does not follow links",
  async (dir) => {
    await tree(dir, {
      "keep/file": "x",
      "out/a/b": "",
      "out/.hidden": "",
      "out/link": "-> ../keep",
    });
    await emptyDir(join(dir, "out"));
    assertEquals(await walked(join(dir, "out")), ["."]);
    assertEquals(await Deno.readTextFile(join(dir, "keep/file")), "x");
    await emptyDir(join(dir, "new/deep"));
    assertEquals(await walked(join(dir, "new/deep")), ["."]);
  },
);

inDirectory("ensureSymlink() makes parents and accepts its own link", async (dir) => {
  await tree(dir, { target: "" });
  const [target, link] = [join(dir, "target"), join(dir, "a/b/link")];
  await ensureSymlink(target, link);
  await ensureSymlink(target, link);
  assertEquals(await Deno.readLink(link), target);
});

inDirectory(
  "ensureSymlink() takes a relative target from the directory of the link",
  async (dir) => {
    await tree(dir, { "a/target": "" });
    await ensureSymlink("../a/target", join(dir, "b/link"));
    assertEquals(await Deno.readLink(join(dir, "b/link")), "../a/target");
  },
);

inDirectory("ensureSymlink() refuses a missing target and what is in the way", async (dir) => {
  await tree(dir, { target: "", file: "", "directory/x": "", other: "-> file" });
  const target = join(dir, "target");
  const missing = await assertRejects(
    () => ensureSymlink(join(dir, "nowhere"), join(dir, "link")),
    Deno.errors.NotFound,
  );
  assertStringIncludes(missing.message, "target path does not exist");
  for (
    const [name, words] of [
      ["file", "A 'file' already exists"],
      ["directory", "A 'dir' already exists"],
      ["other", "undesired path"],
    ] as const
  ) {
    const error = await assertRejects(
      () => ensureSymlink(target, join(dir, name)),
      Deno.errors.AlreadyExists,
    );
    assertStringIncludes(error.message, words);
  }
});

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
    [{ maxDepth: 0 }, ["."]],
    [{ maxDepth: -1 }, []],
    [{ maxDepth: 1 }, [".", "a.go", "b.ts", "d", "dlink", "link.go"]],
    [{ includeFiles: false }, [".", "d", "d/e", "dlink", "link.go"]],
    [{ includeDirs: false, includeSymlinks: false }, [
      "a.go",
      "b.ts",
      "d/c.go",
      "d/e/f.go",
      "d/n\nl",
    ]],
    [{ exts: ["go"] }, ["a.go", "d/c.go", "d/e/f.go", "link.go"]],
    [{ exts: [".go", ".ts"], includeSymlinks: false }, ["a.go", "b.ts", "d/c.go", "d/e/f.go"]],
    [{ match: [/c\.go$/, /b\.ts$/g] }, ["b.ts", "d/c.go"]],
    [{ skip: [/\/d$/], includeDirs: false }, ["a.go", "b.ts", "dlink", "link.go"]],
    [{ skip: [/^/] }, []],
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

inDirectory("walk() follows links, under their own or the real path", async (dir) => {
  await tree(dir, { "real/x.go": "", "top/link": "-> ../real", "top/file": "-> ../real/x.go" });
  const top = join(dir, "top");
  const canonical = await Array.fromAsync(walk(top, { followSymlinks: true }));
  assertEquals(canonical.map((entry) => entry.path).sort(), [
    join(dir, "real"),
    join(dir, "real/x.go"),
    join(dir, "real/x.go"),
    top,
  ]);
  const own = await walked(top, { followSymlinks: true, canonicalize: false });
  assertEquals(own, [".", "file", "link", "link/x.go"]);
  const file = canonical.find((entry) => entry.name === "file");
  assertEquals(file, {
    path: join(dir, "real/x.go"),
    name: "file",
    isDirectory: false,
    isFile: false,
    isSymlink: true,
  });
});

inDirectory("walk() takes URLs and fails on a missing root", async (dir) => {
  await tree(dir, { "a b/file": "" });
  const entries = await Array.fromAsync(walk(pathToFileURL(join(dir, "a b"))));
  assertEquals(entries.map((entry) => entry.name), ["a b", "file"]);
  await assertRejects(() => Array.fromAsync(walk(join(dir, "no"))), Deno.errors.NotFound);
  await assertRejects(
    () => Array.fromAsync(walk(join(dir, "no"), { includeDirs: false })),
    Deno.errors.NotFound,
  );
});

inDirectory("copy() copies files, directories and links with their modes", async (dir) => {
  await tree(dir, { "src/run": "#!", "src/d/x": "1", "src/link": "-> d/x", "src/bad": "-> no" });
  await Deno.chmod(join(dir, "src/run"), 0o755);
  await copy(join(dir, "src"), join(dir, "dest"));
  assertEquals(await walked(join(dir, "dest")), [".", "bad", "d", "d/x", "link", "run"]);
  assertEquals(await Deno.readLink(join(dir, "dest/link")), "d/x");
  assertEquals(await Deno.readLink(join(dir, "dest/bad")), "no");
  assertEquals(((await Deno.stat(join(dir, "dest/run"))).mode ?? 0) & 0o777, 0o755);

  await copy(join(dir, "src/link"), join(dir, "alone"));
  assertEquals(await Deno.readLink(join(dir, "alone")), "d/x");
  await copy(pathToFileURL(join(dir, "src/d/x")), pathToFileURL(join(dir, "y")));
  assertEquals(await Deno.readTextFile(join(dir, "y")), "1");
});

inDirectory("copy() writes over what exists only with overwrite", async (dir) => {
  await tree(dir, { "src/x": "new", "dest/x": "old", "dest/stays": "here" });
  const [src, dest] = [join(dir, "src"), join(dir, "dest")];
  await assertRejects(() => copy(src, dest), Deno.errors.AlreadyExists, "already exists");
  await assertRejects(() => copy(join(src, "x"), join(dest, "x")), Deno.errors.AlreadyExists);
  assertEquals(await Deno.readTextFile(join(dest, "x")), "old");
  await copy(src, dest, { overwrite: true });
  assertEquals(await Deno.readTextFile(join(dest, "x")), "new");
  assertEquals(await Deno.readTextFile(join(dest, "stays")), "here");
});

inDirectory("copy() keeps times when asked", async (dir) => {
  await tree(dir, { old: "x" });
  const [atime, mtime] = [new Date("2001-02-03T04:05:06Z"), new Date("2002-03-04T05:06:07Z")];
  await Deno.utime(join(dir, "old"), atime, mtime);
  await copy(join(dir, "old"), join(dir, "kept"), { preserveTimestamps: true });
  await copy(join(dir, "old"), join(dir, "fresh"));
  assertEquals((await Deno.stat(join(dir, "kept"))).mtime, mtime);
  const fresh = (await Deno.stat(join(dir, "fresh"))).mtime;
  assertInstanceOf(fresh, Date);
  assert(fresh.getTime() > mtime.getTime());
});

inDirectory("copy() refuses what cannot be meant", async (dir) => {
  await tree(dir, { "src/x": "", file: "", link: "-> file", other: "-> file" });
  const at = (name: string) => join(dir, name);
  const table: [string, string, string][] = [
    ["src", "src", "cannot be the same"],
    ["src", "src/in/side", "subdirectory of itself"],
    ["src", "file", "Cannot overwrite non-directory"],
  ];
  for (const [from, to, words] of table) {
    await assertRejects(() => copy(at(from), at(to), { overwrite: true }), Error, words);
  }
  await assertRejects(() => copy(at("no"), at("x")), Deno.errors.NotFound);
  await assertRejects(
    () => copy(at("link"), at("other"), { overwrite: true }),
    Deno.errors.AlreadyExists,
  );
  await copy(at("src"), at("src2"));
  assertEquals(await walked(at("src2")), [".", "x"]);
});

inDirectory("move() renames files and directories", async (dir) => {
  await tree(dir, { "d/x": "1", file: "2" });
  await move(join(dir, "d"), join(dir, "d2"));
  await move(pathToFileURL(join(dir, "file")), pathToFileURL(join(dir, "d2/file")));
  assertEquals(await walked(dir), [".", "d2", "d2/file", "d2/x"]);
});

inDirectory("move() removes the destination only with overwrite", async (dir) => {
  await tree(dir, { "a/new": "", "b/old": "", file: "", "dangling": "-> nowhere" });
  const at = (name: string) => join(dir, name);
  await assertRejects(() => move(at("a"), at("b")), Deno.errors.AlreadyExists, "dest already");
  await assertRejects(() => move(at("a"), at("dangling")), Deno.errors.AlreadyExists);
  assert(await exists(at("b/old")));
  await move(at("a"), at("b"), { overwrite: true });
  assertEquals(await walked(at("b")), [".", "new"]);
  await move(at("file"), at("elsewhere"), { overwrite: true });
  assertEquals(await exists(at("elsewhere")), true);
});

inDirectory("move() refuses a directory into itself, lets a file stay where it is", async (dir) => {
  await tree(dir, { "a/x": "", file: "text" });
  const at = (name: string) => join(dir, name);
  await assertRejects(() => move(at("a"), at("a/b")), Deno.errors.NotSupported);
  await assertRejects(() => move(at("a"), at("a"), { overwrite: true }), Deno.errors.NotSupported);
  await move(at("file"), at("file"), { overwrite: true });
  assertEquals(await Deno.readTextFile(at("file")), "text");
  await assertRejects(() => move(at("file"), at("file")), Deno.errors.AlreadyExists);
  await assertRejects(() => move(at("no"), at("x")), Deno.errors.NotFound);
});
