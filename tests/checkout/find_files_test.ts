/** Holds {@linkcode findFiles} against the machine's own `find`. */
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { FindError, findFiles, findListed } from "../../src/checkout/find_files.ts";
import { output } from "../e2e/_program.ts";
import { withFiles } from "./fixture.ts";

const FILES = Object.fromEntries(
  [
    ...["a_test.go", "pkg/a/a_test.go", "pkg/a/a.go", "pkg/b c/b_test.go", "pkg/ü/ü_test.go"],
    ...["vendor/x/x_test.go", "staging/src/k8s.io/api/api_test.go", "test/e2e/e2e_test.go"],
    ...["staging/src/k8s.io/api/test/integration/i_test.go", "_output/local/o_test.go"],
    ...["test/e2e_node/system/s_test.go", "bazel-out/b_test.go", "cmd/kubeadm/test/cmd/t_test.go"],
  ].map((path) => [path, ""]),
);

/** Command lines in the forms that Kubernetes' scripts of 1.6 to 1.34 have, and some that try the grammar. */
const LINES: readonly string[][] = [
  "-L . -not ( ( -path ./_output/* -o -path ./bazel-*/* -o -path ./vendor/* ) -prune ) -name *_test.go -print0",
  "./staging -name *_test.go -not -path */test/integration/* -prune -print0",
  "-L . -path ./_output -prune -o -path ./vendor/* -o -path ./test/e2e_node/system/* -name *_test.go -print0",
  "./staging/src/k8s.io/api -not ( ( -path */test/integration/* ) -prune ) -name *_test.go -name *_test.go -print0",
  ".",
  "./pkg ./test -name *.go",
  ". -type d",
  ". ! -type d -a -name a*",
  ". -name ?_test.go -or -name e2e_test.go",
  ". ( -name a.go -o -name b_test.go ) -and -type f -print",
  "-L . -name link* -o -name up",
].map((line) => line.split(" "));

Deno.test("findFiles() prints what find prints", async () => {
  await withFiles(FILES, async (root) => {
    await Deno.symlink("../vendor", join(root, "pkg/link"));
    await Deno.symlink("nowhere", join(root, "link2"));
    // Leads to a directory above: find says so on standard error and goes on.
    await Deno.symlink("..", join(root, "pkg/up"));
    for (const args of LINES) {
      const end = args.includes("-print0") ? "\0" : "\n";
      const sorted = (text: string) => text.split(end).sort();
      const theirs = await output(["sh", "-c", 'find "$@" 2>/dev/null || true', "find", ...args], {
        cwd: root,
        env: { LC_ALL: "C.UTF-8" },
      });
      assertEquals(sorted(findFiles(root, args)), sorted(theirs), args.join(" "));
      if (args.length > 1) {
        assertEquals(theirs.length > 5, true, `finds nothing: ${args.join(" ")}`);
      }
    }
  });
});

Deno.test("findListed() finds in a list of files what find finds of them", async () => {
  await withFiles(FILES, async (root) => {
    const lines = [
      ...LINES.filter(([first]) => first !== "-L"),
      "./staging/src/ ./pkg -name *_test.go -print0".split(" "),
      ". -not ( ( -wholename ./vendor -o -wholename */test/* ) -prune ) -name *_test.go".split(" "),
    ];
    const paths = Object.keys(FILES).sort();
    const real = (start: string) => start.replace(/^\.\/?/, "").replace(/\/$/, "");
    for (const only of lines) {
      const end = only.includes("-print0") ? "\0" : "\n";
      const sorted = (text: string) => text.split(end).sort();
      assertEquals(
        sorted(findListed(paths, real, only)),
        sorted(await output(["find", ...only], { cwd: root, env: { LC_ALL: "C.UTF-8" } })),
        only.join(" "),
      );
    }
    // Whether they are there or not.
    assertEquals(findListed(["a/b.go", "c.go"], real, ["./a/", "-name", "*.go"]), "./a/b.go\n");
  });
});

Deno.test("findFiles() refuses what it does not understand", () => {
  const lines = [". -exec rm {} ;", ". ( -name a", ". -type l", ". -name [a]", ". -print -print0"];
  for (const line of [...lines, ". -name", ". )", ". -name a -delete"]) {
    assertThrows(() => findFiles("/nowhere", line.split(" ")), FindError, undefined, line);
  }
});
