/** What is there and cannot be looked at is reported with its path, by root too: it is not taken for missing. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { AMD64, madeUpCheckout } from "../e2e/_packaging.ts";
import { inScratch, kbuild, unless, which } from "../e2e/_program.ts";

const PACKAGE = ["package-tarballs", ...AMD64];

/** A path below the checkout, a command, and the path that the error names, if it is another one. */
const CASES: readonly [path: string, args: readonly string[], named?: string][] = [
  ["kbuild.toml", ["inspect"]],
  ["hack/lib", ["inspect"], "hack/lib/golang.sh"],
  ["hack/lib/version.sh", ["version"]],
  ["cmd", ["targets"]],
  ["go.mod", ["version"]],
  [".git", ["version"]],
  ["cluster", PACKAGE, "cluster/images/conformance/Dockerfile"],
  ["LICENSES", PACKAGE],
  ["_output", ["clean"]],
  ["_output/.kbuild.lock", PACKAGE],
  ["_output/release-tars", ["verify-release", "_output"]],
  ["file", ["compare", "file", "file"]],
];

Deno.test({
  ...unless(
    which("git") === undefined && "needs git",
    "kbuild reports what cannot be looked at, and takes it for missing nowhere",
  ),
  async fn(t) {
    await inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.004);
      for (const [name, args, named = name] of CASES) {
        await t.step(`a link in a circle: ${name}`, async () => {
          const path = join(root, name);
          const kept = join(dir, "kept");
          const isThere = await Deno.lstat(path).then(() => true, () => false);
          if (isThere) await Deno.rename(path, kept);
          await Deno.mkdir(join(path, ".."), { recursive: true });
          await Deno.symlink(path, path);
          try {
            const { code, stderr } = await kbuild(args, { cwd: root });
            assertEquals(code === 0, false, stderr);
            assertStringIncludes(stderr, `${named}"`);
            const says = /too many levels of symbolic links|a link that leads to itself/;
            assertEquals(says.test(stderr), true, stderr);
          } finally {
            await Deno.remove(path);
            if (isThere) await Deno.rename(kept, path);
          }
        });
      }
    });
  },
});
