import { assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { sinkOf } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { digestsOf, guardedContent } from "../../src/packages/digests.ts";

Deno.test("guardedContent() fails if a file of the same size is another one now", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = join(dir, "kubectl");
    await Deno.writeTextFile(path, "before");
    const file = { path: "/usr/bin/kubectl", mode: 0o755, size: 6, content: { path } };
    const digests = await digestsOf([{ ...file, type: "file" }], "md5");
    const digest = createHash("md5").update("before").digest("hex");
    assertEquals([...digests], [["/usr/bin/kubectl", digest]]);
    const read = async () => {
      let text = "";
      const content = guardedContent(file, "md5", digests.get(file.path));
      if (content === undefined || !("write" in content)) throw new Error("not guarded");
      await content.write(
        sinkOf((chunk) => void (text += new TextDecoder().decode(chunk)), undefined),
      );
      return text;
    };
    assertEquals(await read(), "before");
    await Deno.writeTextFile(path, "behind");
    await assertRejects(read, KbuildError, "it changed while it was read");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
