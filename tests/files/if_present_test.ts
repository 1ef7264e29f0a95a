import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ifPresent, ifPresentSync } from "../../src/files/mod.ts";

Deno.test("ifPresent() is undefined for what does not exist, and for nothing else", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = join(dir, "file");
    await Deno.writeTextFile(file, "text");
    assertEquals(await ifPresent(Deno.readTextFile(file)), "text");
    assertEquals(await ifPresent(Deno.readTextFile(join(dir, "other"))), undefined);
    assertEquals(await ifPresent(Deno.readTextFile(join(file, "below a file"))), undefined);
    assertEquals(ifPresentSync(() => Deno.readTextFileSync(join(dir, "other"))), undefined);
    // A link that leads to itself: it exists, and cannot be read.
    await Deno.symlink("loop", join(dir, "loop"));
    await assertRejects(() => ifPresent(Deno.readTextFile(join(dir, "loop"))));
    await assertRejects(() => ifPresent(Deno.readTextFile(dir)));
    assertThrows(() => ifPresentSync(() => Deno.readTextFileSync(dir)));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
