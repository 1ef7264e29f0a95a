/** A checkout with CRLF line ends, as git makes it with core.autocrlf: it says the same. */
import { assert, assertEquals } from "@std/assert";
import { type Checkout, readCheckout } from "../../src/checkout/mod.ts";
import { readGeneratedFiles } from "../../src/generate/sources.ts";
import { readGoDirectories } from "../../src/generate/go_directories.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { readReleaseLayout } from "../../src/release/mod.ts";
import { openSample } from "../lib/_open.ts";

for (const era of ["1.7", "1.20", "1.28", "1.35"] as const) {
  Deno.test(`a checkout of ${era} says the same with CRLF line ends`, async () => {
    const sample = await openSample(era);
    try {
      const { context } = sample;
      const { root, shell } = context;
      const all = async () => {
        const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
        const { crlf, ...said } = checkout as Checkout & { crlf?: boolean };
        return {
          crlf,
          said,
          layout: await readReleaseLayout(checkout),
          generated: await readGeneratedFiles(root),
          directories: await readGoDirectories(root),
          version: (await getVersionVars(context)).gitVersion,
        };
      };
      const plain = await all();
      assertEquals(plain.crlf, undefined);

      const git = (...args: string[]) => shell.run(["git", ...args], { cwd: root });
      // The sample's own attributes keep files as they are.
      await Deno.remove(`${root}/.git/info/attributes`);
      await git("config", "core.autocrlf", "true");
      await git("rm", "--quiet", "-r", "--cached", ".");
      await git("reset", "--quiet", "--hard");
      assert((await Deno.readTextFile(`${root}/hack/lib/golang.sh`)).includes("\r\n"));
      const { crlf, ...found } = await all();
      assertEquals(crlf, true);
      const { crlf: _none, ...wanted } = plain;
      assertEquals(found, wanted);
    } finally {
      await sample.remove();
    }
  });
}
