/** What exists and cannot be read is an error: the era's table in its place would build something else. */
import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { findConfig, readCheckout } from "../../src/checkout/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { unless } from "../e2e/_program.ts";
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

/** Ways in which a file is there and cannot be read, root included. */
const WAYS: readonly [way: string, says: RegExp, make: (file: string) => Promise<void>][] = [
  ["a link in a circle", /levels of symbolic links/, async (file) => {
    await Deno.remove(file);
    await Deno.symlink(file, file);
  }],
  ["a file in place of its directory", /not a directory/, async (file) => {
    await Deno.remove(dirname(file), { recursive: true });
    await Deno.writeTextFile(dirname(file), "");
  }],
  ["a directory that may not be looked into", /permission denied/, (file) => {
    return Deno.chmod(dirname(file), 0);
  }],
];

for (const [way, says, make] of WAYS) {
  const isMode = says.test("permission denied");
  Deno.test({
    ...unless(
      isMode && Deno.uid() === 0 && "root reads everything",
      `readCheckout() takes no script for missing: ${way}`,
    ),
    fn: () =>
      withSample("1.20", async ({ dir }) => {
        const file = join(dir, "hack/lib/golang.sh");
        await make(file);
        const read = () => readCheckout(dir, { variables: {}, hostArch: "amd64" });
        const error = await assertRejects(read, KbuildError, 'Cannot read "hack/lib/');
        await Deno.chmod(dirname(file), 0o755);
        assertEquals(says.test(error.message), true, error.message);
      }),
  });
}

Deno.test("findConfig() takes no kbuild.toml for missing that cannot be read", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = join(dir, "kbuild.toml");
    await Deno.symlink(path, path);
    const error = await assertRejects(() => findConfig(dir, undefined), KbuildError);
    assertEquals(
      [error.message, error.exitCode],
      [`Cannot read the configuration "${path}": too many levels of symbolic links`, 2],
    );
    await Deno.remove(path);
    assertEquals(await findConfig(dir, undefined), undefined);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
