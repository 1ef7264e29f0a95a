/** `kbuild verify` of a check that is a Go program of the checkout, without its script and with it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { ALIASES, NEW_TYPECHECK } from "../checks/_program_scripts.ts";
import { inScratch, kbuild, makeSample, missingFor, unless } from "../e2e/_program.ts";

const PROGRAM = "cmd/preferredimports/preferredimports.go";
/** Fails for each file that says so; where it runs, and with what, is in its output. */
const SOURCE = `package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	text, err := os.ReadFile("pkg/alias.txt")
	fmt.Println("looked", len(os.Args), os.Getenv("GO111MODULE"))
	if err != nil || strings.Contains(string(text), "wrong") {
		fmt.Fprintln(os.Stderr, "ERROR: wrong alias in pkg/alias.txt")
		os.Exit(3)
	}
}
`;

Deno.test({
  ...unless(missingFor("1.20"), "kbuild verify builds and starts the program of a check itself"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes it's $(x) $$b $&"));
      const write = async (path: string, text: string) => {
        await Deno.mkdir(dirname(join(root, path)), { recursive: true });
        await Deno.writeTextFile(join(root, path), text);
      };
      await write("hack/verify-import-aliases.sh", ALIASES);
      await write(PROGRAM, SOURCE);
      await write("pkg/alias.txt", "right\n");
      const log = join(root, "_output/local/.kbuild/verify/hack_verify-import-aliases.sh.log");
      const verify = async (...flags: string[]) => {
        const { code, stdout } = await kbuild(["verify", "import-aliases", "--json", ...flags], {
          cwd: root,
        });
        const { checks } = JSON.parse(stdout) as { checks: { outcome: string; reused?: true }[] };
        return { code, ...checks[0]!, log: await Deno.readTextFile(log) };
      };
      await t.step("same verdicts as the script's", async () => {
        for (const flags of [[], ["--strict-parity"]]) {
          const { code, outcome, log } = await verify(...flags);
          assertEquals([code, outcome], [0, "passed"], log);
          assertStringIncludes(log, "looked 1 off\n");
        }
        await write("pkg/alias.txt", "wrong\n");
        for (const flags of [[], ["--strict-parity"]]) {
          const { code, outcome, log } = await verify(...flags);
          assertEquals([code, outcome], [1, "failed"], log);
          assertStringIncludes(log, "ERROR: wrong alias in pkg/alias.txt\n");
        }
      });
      await t.step("a program that does not compile fails", async () => {
        await write(PROGRAM, SOURCE.replace("text, err", "text"));
        for (const flags of [[], ["--strict-parity"]]) {
          const { code, outcome, log } = await verify(...flags);
          assertEquals([code, outcome], [1, "failed"]);
          assertMatch(log, /preferredimports\.go:\d+:\d+: /);
        }
        await write(PROGRAM, SOURCE);
        await write("pkg/alias.txt", "right\n");
      });
      await t.step("nothing is started where nothing has changed since it passed", async () => {
        // Files that changed just now are not taken as known.
        await new Promise((resolve) => setTimeout(resolve, 3500));
        assertEquals((await verify()).reused, undefined);
        assertEquals((await verify()).reused, true);
        await write("pkg/alias.txt", "wrong\n");
        assertEquals((await verify()).outcome, "failed");
      });
      await t.step("a script that does more runs", async () => {
        await write("hack/verify-import-aliases.sh", `${ALIASES}echo and more\n`);
        await write("pkg/alias.txt", "right\n");
        assertStringIncludes((await verify()).log, "and more\n");
      });
    }),
});

Deno.test({
  ...unless(
    missingFor("1.35"),
    "a repository that git refuses does not matter to a check, as with go run",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      // Of a package, and not of files, Go asks git for the commit.
      await Deno.mkdir(join(root, "test/typecheck"), { recursive: true });
      await Deno.writeTextFile(join(root, "hack/verify-typecheck.sh"), NEW_TYPECHECK);
      await Deno.writeTextFile(join(root, "test/typecheck/main.go"), SOURCE);
      await Deno.mkdir(join(root, "pkg"), { recursive: true });
      await Deno.writeTextFile(join(root, "pkg/alias.txt"), "right\n");
      await Deno.writeTextFile(join(root, ".git/HEAD"), "nothing that git knows\n");
      const { stdout, stderr } = await kbuild(["verify", "typecheck", "--json"], { cwd: root });
      const { checks } = JSON.parse(stdout) as { checks: { outcome: string }[] };
      assertEquals(checks[0]?.outcome, "passed", stderr);
    }),
});

Deno.test({
  ...unless(
    missingFor("1.35"),
    "a check whose script asks jq for the modules is not started again either",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const write = async (path: string, text: string) => {
        await Deno.mkdir(dirname(join(root, path)), { recursive: true });
        await Deno.writeTextFile(join(root, path), text);
      };
      await write("hack/verify-typecheck.sh", NEW_TYPECHECK);
      await write("test/typecheck/main.go", SOURCE);
      await write("pkg/alias.txt", "right\n");
      const verify = async () => {
        const { stdout, stderr } = await kbuild(["verify", "typecheck", "--json"], { cwd: root });
        const { checks } = JSON.parse(stdout) as { checks: { outcome: string; reused?: true }[] };
        const [check] = checks;
        return [check?.outcome, check?.reused === true, check?.outcome === "passed" ? "" : stderr];
      };
      // Files that changed just now are not taken as known.
      await new Promise((resolve) => setTimeout(resolve, 3500));
      assertEquals([await verify(), await verify()], [
        ["passed", false, ""],
        ["passed", true, ""],
      ]);
      await write("pkg/alias.txt", "wrong\n");
      assertEquals((await verify()).slice(0, 2), ["failed", false]);
      await write("pkg/alias.txt", "right\n");
      // A line that kbuild does not know: the script runs, and asks jq, which may read anything.
      await write("hack/verify-typecheck.sh", `${NEW_TYPECHECK}jq --version\n`);
      await new Promise((resolve) => setTimeout(resolve, 3500));
      for (let run = 0; run < 2; run++) assertEquals((await verify())[1], false);
    }),
});
