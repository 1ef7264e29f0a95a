/** `kbuild make` against GNU make: the same recipes, output and exit status. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  CLONE,
  inScratch,
  kbuild,
  makeSample,
  missingFor,
  run,
  unless,
  which,
} from "../e2e/_program.ts";

/** What the checkout's Makefile gets. */
const TARGETS = `
define SHOW_HELP_INFO
# Shows variables, such as $(SOFT).
#
# Costs $$5.
endef
define HELP_INFO
# Helps.
endef
define CMD_HELP_INFO
# Of directories.
endef
FORCED := forced
SOFT ?= soft
.PHONY: ignored env show needs fails inner quoted empty two
ifeq ($(PRINT_HELP),y)
help:
	@echo "$$HELP_INFO"
show:
	@echo "$$SHOW_HELP_INFO"
else
show: KUBE_X = a b
show:
	@echo "$$KUBE_X [$(WHAT)] $@ $$OUT_DIR $(META_DIR)" "$(UNSET)" "$$MINE"
endif
CMD_TARGET = $(notdir $(abspath $(wildcard hack/*/)))
ifeq ($(PRINT_HELP),y)
$(CMD_TARGET):
	@echo "$$CMD_HELP_INFO"
endif
needs: show two
	echo needs; pwd
two: show
	@for each in 1 2; do echo "$$each"; done
fails:
	exit 3
quoted:
	@printf '<%s>\\n' 'it'"'"'s' "$$(echo '$$(x)')" \\
	  $(WHAT)
ignored:
	-@echo before; exit 3
	@-false
	- echo after
inner:
	$(MAKE) show WHAT=inside
	make --no-print-directory -C "$$PWD" show WHAT=again
empty:
env:
	@echo "$$FORCED $$SOFT $$MINE $(FORCED) $(SOFT)"
`;

/** Command lines whose output and exit status make and kbuild have in common. */
const LINES: readonly (readonly string[])[] = [
  ["show", "WHAT=cmd/a cmd/b", "MINE=from the command line"],
  ["needs"],
  ["needs", "show", "two", "-j4"],
  ["ignored", "fails", "show"],
  ["fails"],
  ["fails", "show"],
  ["-k", "fails", "show"],
  ["--keep-going", "show", "fails"],
  ["quoted", "WHAT=a  b", "-s"],
  ["inner", "--no-print-directory"],
  ["empty"],
  ["env"],
  ["env", "FORCED=given", "SOFT=given"],
  ["show", "PRINT_HELP=y"],
  ["empty", "show", "PRINT_HELP=y"],
  ["two", "PRINT_HELP=y"],
  ["help", "PRINT_HELP=y"],
  ["fails", "PRINT_HELP=y"],
  ["make-rules", "PRINT_HELP=y"],
];

Deno.test({
  ...unless(
    missingFor("1.20") ?? (which("make") === undefined ? "needs make" : undefined),
    "kbuild make runs recipes as make does",
  ),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes $x"));
      const makefile = join(root, "Makefile");
      await Deno.writeTextFile(makefile, await Deno.readTextFile(makefile) + TARGETS);
      const env = {
        KBUILD_LAUNCHER: join(CLONE, "scripts/kbuild"),
        MINE: "from $(x) outside",
        FORCED: "outside",
        SOFT: "outside",
      };
      for (const line of LINES) {
        await t.step(`make ${line.join(" ")}`, async () => {
          const theirs = await run(["make", ...line], { cwd: root, env });
          const ours = await kbuild(["make", ...line], { cwd: root, env });
          assertEquals([ours.code, ours.stdout], [theirs.code, theirs.stdout], ours.stderr);
        });
      }
      await t.step("-C from elsewhere", async () => {
        const line = ["-C", root, "--no-print-directory", "two"];
        const theirs = await run(["make", ...line], { cwd: dir, env });
        const ours = await kbuild(["make", ...line], { cwd: dir, env });
        assertEquals([ours.code, ours.stdout], [theirs.code, theirs.stdout], ours.stderr);
        assert(theirs.stdout.endsWith("1\n2\n"), theirs.stderr);
      });
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild make runs commands of kbuild, and refuses what it does not understand",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const makefile = join(root, "Makefile");
      const odd = "odd:\n\techo $(shell date)\ncircle: circles\ncircles: circle\n";
      await Deno.writeTextFile(makefile, `${await Deno.readTextFile(makefile)}\n${odd}`);
      const make = (...args: string[]) => kbuild(["make", ...args], { cwd: root });

      // As kubernetes-sigs/kind and krel start make: any variable, a version, a directory.
      const tag = ["KUBE_DOCKER_IMAGE_TAG=v1", "SOME_VARIABLE_OF_CI=1"];
      const printed = await make("-n", "cross-in-a-container", "WHAT=cmd/kubectl", ...tag);
      assertEquals(printed.code, 0, printed.stderr);
      const direct = await kbuild(["cross-in-a-container", "--dry-run", "WHAT=cmd/kubectl"], {
        cwd: root,
      });
      assertEquals(printed.stdout, direct.stdout);
      assertStringIncludes(printed.stdout, "install");
      // Up to 1.8 the Makefile has this target; its recipe starts make.
      const verified = await make("-n", "verify_generated_files", "WHAT=x");
      assertEquals(verified.code, 0, verified.stderr);
      assertStringIncludes(verified.stdout, "/deepcopy-gen");

      const built = await make("kubectl", "-j8", "FOO=bar");
      assertEquals(built.code, 0, built.stderr);
      assertMatch(built.stdout, /^_output\/local\/bin\/\w+\/\w+\/kubectl\n$/);
      const cleaned = await make("clean", "odd");
      assertEquals(cleaned.code, 2);
      assertStringIncludes(cleaned.stderr, 'does not understand "echo $(shell date)"');
      assertEquals(await Deno.stat(join(root, "_output")).catch(() => undefined), undefined);

      const circle = await make("circle");
      assertEquals(circle.code, 0);
      for (
        const [args, text] of [
          [["nothing"], 'No rule to make target "nothing"'],
          [["kubctl"], "No rule to make target"],
          [["-f", "other"], 'Unknown flag "-f"'],
          [["nothing", "PRINT_HELP=y"], 'No rule to make target "nothing"'],
        ] as const
      ) {
        const { code, stderr } = await make(...args);
        assertEquals(code, 2);
        assertStringIncludes(stderr, text);
      }
    }),
});
