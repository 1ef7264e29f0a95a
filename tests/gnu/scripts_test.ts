/** Scripts find kbuild in place of GNU programs. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { CLONE, inScratch, kbuild, makeSample, missingFor, unless } from "../e2e/_program.ts";

const TARGETS = `
.PHONY: tools
tools:
	@printf 'a b\\n' > in.txt; sed -i -e 's/a/A/' in.txt; cat in.txt
	@gsed --help | grep -o GNU
	@printf '1\\n2\\n' | xargs -n1 sh -c 'readlink -f . >/dev/null && echo "$$0"; exit 3'; echo $$?
	@date -u -d @0 +%F; printf x | base64 -w0; printf x | md5sum | cut -c1-4
	@sed -E 's/a|ab/x/' in.txt; echo "refused: $$?"
	@echo done
`;

Deno.test({
  ...unless(missingFor("1.20"), "scripts find kbuild in place of GNU programs"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes it's $(x)"));
      const makefile = join(root, "Makefile");
      const text = await Deno.readTextFile(makefile);
      await Deno.remove(makefile);
      await Deno.writeTextFile(makefile, text + TARGETS);
      const args = ["make", "tools", "--gnu-tools"];
      const { code, stdout, stderr } = await kbuild(args, {
        cwd: root,
        // As scripts/kbuild says it.
        env: { KBUILD_LAUNCHER: join(CLONE, "scripts/kbuild") },
      });
      assertEquals(code, 0, stderr);
      assertEquals(
        stdout,
        "A b\nGNU\n1\n2\n123\n1970-01-01\neA==9dd4\nrefused: 64\ndone\n",
      );
      assertStringIncludes(stderr, "alternatives that may begin alike");
    }),
});
