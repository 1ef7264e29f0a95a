import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  checkRegular,
  copyFile,
  IrregularFileError,
  irregularKind,
  openFile,
  readFile,
  readText,
  readTextSync,
  reasonOf,
} from "../../src/files/mod.ts";

/** What is not a regular file, and what it is called. */
const KINDS: Readonly<Record<string, (path: string) => Promise<unknown> | Deno.Listener>> = {
  "a named pipe": (path) => new Deno.Command("mkfifo", { args: [path] }).output(),
  "a socket": (path) => Deno.listen({ transport: "unix", path }),
  "a device": (path) => Deno.symlink("/dev/zero", path),
};

Deno.test("files are opened, read and copied only if they are regular files", async (t) => {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-regular-" });
  try {
    for (const [kind, make] of Object.entries(KINDS)) {
      await t.step(kind, async () => {
        const path = join(dir, "it");
        const made = await make(path);
        const message = `Cannot read "${path}": it is ${kind}`;
        const reads = [openFile, readFile, readText, (path: string) => copyFile(path, `${path}2`)];
        for (const read of reads) {
          const error = await assertRejects(() => read(path), IrregularFileError, message);
          assertEquals(reasonOf(error), `it is ${kind}`);
        }
        assertThrows(() => readTextSync(path), IrregularFileError, message);
        const info = Deno.statSync(path);
        assertEquals(irregularKind(info), kind);
        assertThrows(
          () => checkRegular(path, info, "archive"),
          IrregularFileError,
          `Cannot archive "${path}": it is ${kind}`,
        );
        if (made !== undefined && "close" in (made as object)) (made as Deno.Listener).close();
        await Deno.remove(path).catch(() => {});
      });
    }
    const file = join(dir, "file");
    await Deno.writeTextFile(file, "text");
    await Deno.symlink(file, join(dir, "link"));
    assertEquals([await readText(join(dir, "link")), readTextSync(file)], ["text", "text"]);
    await copyFile(join(dir, "link"), join(dir, "copy"));
    (await openFile(file)).close();
    assertEquals(await readFile(join(dir, "copy")), new TextEncoder().encode("text"));
    // Named where an empty file is meant: REGISTRY_AUTH_FILE=/dev/null.
    assertEquals(await readText("/dev/null"), "");
    await assertRejects(() => readText(join(dir, "none")), Deno.errors.NotFound);
    // 3 GiB without a byte on the disk: it must not be read first.
    await Deno.writeTextFile(file, "");
    await Deno.truncate(file, 3 * 2 ** 30);
    const tooLarge = `Cannot read "${file}": it is 3072 MiB long; text may have 8 MiB`;
    await assertRejects(() => readText(file), IrregularFileError, tooLarge);
    assertThrows(() => readTextSync(file), IrregularFileError, tooLarge);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
