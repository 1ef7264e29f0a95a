/** A checkout from 1.26 on without `hack/update-codegen.sh`: nothing is fetched for it, and the error says why. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inScratch, kbuild, makeSample, unless, which } from "../e2e/_program.ts";

const ERROR = 'kbuild: Cannot tell what to generate: there is no "hack/update-codegen.sh"\n';

Deno.test({
  ...unless(
    which("git") === undefined ? "needs git" : undefined,
    "commands that generate need hack/update-codegen.sh, and say so before anything is fetched",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      // A Go that cannot be provided: an error about it would come first.
      const env = { GO_VERSION: "1.99.0", KBUILD_OFFLINE: "1" };
      for (
        const args of [
          ["update-codegen"],
          ["update-codegen", "-?"],
          ["verify-codegen"],
          ["generated_files"],
          ["plan", "update-codegen"],
        ]
      ) {
        const { code, stdout, stderr } = await kbuild(args, { cwd: root, env });
        assertEquals([code, stdout], [1, ""], stderr);
        assertStringIncludes(stderr, ERROR);
        assertStringIncludes(stderr, "git checkout HEAD -- hack/update-codegen.sh");
      }
    }),
});
