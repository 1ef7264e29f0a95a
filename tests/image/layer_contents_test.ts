/** Many files out of one layer: right contents, and work that does not grow with their square. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesEntry, withParents } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { openBase } from "../../src/image/mod.ts";
import { StageFiles } from "../../src/image/stage_files.ts";
import { LayerContents } from "../../src/image/layer_contents.ts";
import { directoryFiles } from "../../src/image/image_files.ts";
import { join } from "@std/path";
import { ociFiles, utf8, writeDirectory } from "./helpers.ts";

const COUNT = 300;
const text = (i: number) => `content of file ${i} ${"x".repeat(i)}\n`;

Deno.test("files of a base are read from its layers, each layer a few times whatever their number", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-contents-" });
  try {
    const entries = Array.from(
      { length: COUNT },
      (_, i) => bytesEntry(`opt/data/${COUNT - i}`, utf8(text(i)), { mtime: 1 }),
    );
    const made = await ociFiles([{
      arch: "amd64",
      layers: [withParents(entries, { mtime: 1 })],
      compressed: true,
    }]);
    await writeDirectory(join(dir, "base"), made);
    const temporary = join(dir, "tmp");
    await Deno.mkdir(temporary);
    const files = directoryFiles(join(dir, "base"));
    let reads = 0;
    const counted = {
      ...files,
      read: (name: string) => {
        reads += 1;
        return files.read(name);
      },
    };
    {
      await using base = await openBase(counted, { arch: "amd64", tempDir: temporary });
      const opened = reads;
      const found = new StageFiles(base).entriesAt("/opt/data").filter(({ type }) =>
        type === "file"
      );
      assertEquals(found.length, COUNT);
      // Each is read twice, as the writer of an image does, and several at once.
      for (let round = 0; round < 2; round++) {
        await Promise.all(found.map(async ({ name, content, size }) => {
          assert(content !== undefined && "write" in content);
          const decoder = new TextDecoder();
          let got = "";
          await content.write((chunk) => void (got += decoder.decode(chunk, { stream: true })));
          assertEquals(got, text(COUNT - Number(name)));
          assertEquals(size, got.length);
        }));
      }
      assert(reads - opened <= 3, `the layer was read ${reads - opened} times`);
    }
    assertEquals([...Deno.readDirSync(temporary)], []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("LayerContents names a base whose layer is gone", async () => {
  await using contents = new LayerContents("old", []);
  await assertRejects(
    () => contents.write({ layer: 0, member: "x", offset: 0, size: 1 }, () => {}),
    KbuildError,
    'Cannot read layer 0 of base image "old": it is gone',
  );
});
