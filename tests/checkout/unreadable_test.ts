/** What exists and cannot be read is an error: the era's table in its place would build something else. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { withSample } from "../sample/_sample.ts";

const FILES = ["hack/lib/golang.sh", "build/common.sh", "build/lib/release.sh"];

Deno.test("readCheckout() fails on a script that cannot be read, and does without one that is missing", () =>
  withSample("1.20", async ({ dir }) => {
    const read = () => readCheckout(dir, { variables: {}, hostArch: "amd64" });
    const before = await read();
    for (const path of FILES) {
      const file = join(dir, path);
      const kept = await Deno.readTextFile(file);
      await Deno.remove(file);
      await read();
      // A directory cannot be read as a file by anybody, root included.
      await Deno.mkdir(file);
      const error = await assertRejects(read, KbuildError, `Cannot read "${path}" of the checkout`);
      assertEquals(/directory/.test(error.message), true, error.message);
      await Deno.remove(file);
      await Deno.writeTextFile(file, kept);
    }
    assertEquals(await read(), before);
  }));
