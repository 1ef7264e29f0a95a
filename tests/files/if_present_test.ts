import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { systemCode } from "../../src/errors.ts";
import { entriesOf, ifPresent, ifPresentSync, isDirectory } from "../../src/files/mod.ts";

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
