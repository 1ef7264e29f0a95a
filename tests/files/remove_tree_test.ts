import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { removeIfEmpty } from "../../src/files/mod.ts";

Deno.test("removeIfEmpty() removes an empty directory, and nothing else", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-files-" });
  try {
    const empty = join(dir, "empty");
    const full = join(dir, "full");
    const file = join(full, "file");
    const link = join(dir, "link");
    await Deno.mkdir(empty);
    await Deno.mkdir(full);
    await Deno.writeTextFile(file, "");
    await Deno.symlink(full, link);
    for (const path of [empty, full, file, link, join(dir, "missing")]) await removeIfEmpty(path);
    const left = Array.from(Deno.readDirSync(dir), ({ name }) => name).sort();
    assertEquals(left, ["full", "link"]);
    assertEquals(Array.from(Deno.readDirSync(full), ({ name }) => name), ["file"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
