import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { KbuildError, systemCode } from "../../src/errors.ts";
import {
  entriesOf,
  ifPresent,
  ifPresentSync,
  isDirectory,
  readNote,
  removeTree,
} from "../../src/files/mod.ts";

Deno.test("ifPresent() is undefined for what does not exist, and for nothing else", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = join(dir, "file");
    await Deno.writeTextFile(file, "text");
    assertEquals(await ifPresent(Deno.readTextFile(file)), "text");
    assertEquals(await ifPresent(Deno.readTextFile(join(dir, "other"))), undefined);
    assertEquals(ifPresentSync(() => Deno.readTextFileSync(join(dir, "other"))), undefined);
    // A link that leads to itself: it exists, and cannot be read.
    await Deno.symlink("loop", join(dir, "loop"));
    const loop = () => ifPresent(Deno.readTextFile(join(dir, "loop")));
    assertEquals(systemCode(await assertRejects(loop)), "ELOOP");
    const below = () => ifPresent(Deno.readTextFile(join(file, "below a file")));
    assertEquals(systemCode(await assertRejects(below)), "ENOTDIR");
    await assertRejects(() => ifPresent(Deno.readTextFile(dir)));
    assertThrows(() => ifPresentSync(() => Deno.readTextFileSync(dir)));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("entriesOf() and isDirectory() tell a directory from everything else, and report what cannot be read", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(dir, "file"), "text");
    await Deno.symlink("loop", join(dir, "loop"));
    assertEquals((await entriesOf(dir))?.map(({ name }) => name).sort(), ["file", "loop"]);
    assertEquals(await isDirectory(dir), true);
    for (const path of ["other", "file", "file/below"]) {
      assertEquals(await entriesOf(join(dir, path)), undefined, path);
      assertEquals(await isDirectory(join(dir, path)), false, path);
    }
    await assertRejects(() => entriesOf(join(dir, "loop")));
    await assertRejects(() => isDirectory(join(dir, "loop")));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("readNote() takes a note that cannot be read for missing: it only saves work", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.symlink("loop", join(dir, "loop"));
    await Deno.writeTextFile(join(dir, "list"), "[1]");
    await Deno.writeTextFile(join(dir, "cut"), '{"a": ');
    await Deno.writeTextFile(join(dir, "note"), '{"a": 1}');
    for (const name of ["loop", "list", "cut", "none", "note/below"]) {
      assertEquals(await readNote(join(dir, name)), undefined, name);
    }
    assertEquals(await readNote(join(dir, "note")), { a: 1 });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("removeTree() names what it cannot remove", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(dir, "file"), "");
    await removeTree(join(dir, "none"));
    const below = () => removeTree(join(dir, "file/below"));
    await assertRejects(below, KbuildError, `Cannot remove "${join(dir, "file/below")}": not a`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("systemCode() tells errors of the system apart, under Deno and Node.js", () => {
  const withCode = (code: unknown) => Object.assign(new Error("words"), { code });
  assertEquals(systemCode(withCode("EACCES")), "EACCES");
  assertEquals(systemCode(new Deno.errors.NotFound("words")), "ENOENT");
  for (
    const other of [withCode("too-long"), withCode(2), new Error("ENOENT"), "ENOENT", undefined]
  ) {
    assertEquals(systemCode(other), undefined);
  }
});
