import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { mainManifest } from "../../scripts/dist/npm_packages.ts";
import { CLONE, run, unless, which } from "../e2e/_program.ts";

const PROGRAM = join(CLONE, "scripts/kbuild");
/** BSD's `script` takes its arguments in another order. */
const noTerminal = Deno.build.os !== "linux" || which("script") === undefined
  ? "needs script of util-linux"
  : undefined;

Deno.test({
  ...unless(noTerminal, "scripts/kbuild writes nothing of its own to a terminal"),
  fn: async () => {
    for (const TERM of ["xterm", "dumb"]) {
      const line = `stty cols 80 rows 24; printf 'label: '; '${PROGRAM}' --version`;
      const { code, stdout } = await run(["script", "-qec", line, "/dev/null"], { env: { TERM } });
      assertEquals([code, stdout.replace(/\d+\.\d+\.\d+/, "VERSION")], [
        0,
        "label: kbuild VERSION\r\n",
      ]);
    }
  },
});

Deno.test("the npm package starts Deno without its progress bar", () => {
  const { kbuild } = mainManifest() as { kbuild: { denoFlags: readonly string[] } };
  assertEquals(kbuild.denoFlags.slice(0, 2), ["run", "--quiet"]);
});
