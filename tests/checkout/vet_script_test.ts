/**
 * Holds {@linkcode readVetScript} against `hack/make-rules/vet.sh` run by bash with a `go` that records: a script
 * in the form of 1.20, and those of the checkouts in `KBUILD_TEST_TREES`.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { readCheckout, readVetScript } from "../../src/checkout/mod.ts";
import { sampleFiles } from "../../src/sample/mod.ts";
import { VET } from "../checks/_scripts.ts";
import { copyTree, ENV, output, script } from "../e2e/_program.ts";
import { withFiles } from "./fixture.ts";

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((root) => root !== "");

/** What `go list` prints. */
const PACKAGES = [
  ...["k8s.io/kubernetes/pkg/a", "k8s.io/kubernetes/vendor/x", "k8s.io/kubernetes/third_party/y"],
  ...["k8s.io/kubernetes/pkg/clientset_generated/z", "k8s.io/kubernetes/cmd/b"],
];

async function recorded(root: string, words: readonly string[]): Promise<readonly string[]> {
  const directory = await Deno.makeTempDir({ prefix: "kbuild-vet-" });
  try {
    const [log, bin] = [join(directory, "log"), join(directory, "bin")];
    await Deno.mkdir(bin);
    script(
      join(bin, "go"),
      `case "$1" in
vet) shift; printf '%s\\0' "$@" > '${log}' ;;
list) printf '%s\\n' ${PACKAGES.join(" ")} ;;
version) echo go version go1.99.0 linux/amd64 ;;
env) echo linux ;;
esac
`,
    );
    script(join(bin, "make"), "exit 0\n");
    const env = { PATH: `${bin}:${ENV["PATH"]}`, CALLED_FROM_MAIN_MAKEFILE: "1" };
    await output(["bash", join(root, "hack/make-rules/vet.sh"), ...words], { cwd: root, env });
    return (await Deno.readTextFile(log)).split("\0").slice(0, -1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function compare(root: string, words: readonly string[]): Promise<void> {
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
  const inputs = { host: "linux/amd64", variables: {}, gopath: join(root, "_output/local/go") };
  const read = await readVetScript(checkout, inputs, words);
  assert(!("why" in read), JSON.stringify(read));
  assertMatch(read.source, /^hack\/make-rules\/vet\.sh:\d+$/);
  const listed = PACKAGES.filter((name) => !read.without.some((pattern) => pattern.test(name)));
  const flags = words.filter((word) => word.startsWith("-"));
  assertEquals(read.args ?? [...flags, ...listed], await recorded(root, words));
}

const CASES = [[], ["./pkg/a", "./cmd/..."], ["-all", "./pkg/a"], ["-all"]];

Deno.test("readVetScript() gives what bash starts", async () => {
  const files = Object.fromEntries(
    [...sampleFiles("1.20")].flatMap(([path, file]) =>
      "text" in file && path.startsWith("hack/") ? [[path, file.text] as const] : []
    ),
  );
  await withFiles({ ...files, "hack/make-rules/vet.sh": VET }, async (root) => {
    for (const words of CASES) await compare(root, words);
    const path = join(root, "hack/make-rules/vet.sh");
    await Deno.writeTextFile(path, "hack/verify-golangci-lint.sh -c none\n");
    const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
    const inputs = { host: "linux/amd64", variables: {}, gopath: "/gopath" };
    const read = await readVetScript(checkout, inputs, []);
    assertMatch("why" in read ? read.why : "", /^hack\/make-rules\/vet\.sh:1: /);
  });
});

Deno.test({
  name: `readVetScript() gives what bash starts in real checkouts${
    trees.length === 0 ? " (skipped: KBUILD_TEST_TREES is not set)" : ""
  }`,
  ignore: trees.length === 0,
  fn: async (t) => {
    for (const tree of trees) {
      const path = join(tree, "hack/make-rules/vet.sh");
      const isThere = await Deno.readTextFile(path).then(
        (text) => /^go vet/m.test(text),
        () => false,
      );
      // Newer releases have golangci-lint.
      if (!isThere) continue;
      const directory = await Deno.makeTempDir({ prefix: "kbuild-vet-" });
      try {
        const root = await copyTree(tree, join(directory, "tree"));
        for (const words of CASES) await t.step(`${tree}: ${words}`, () => compare(root, words));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    }
  },
});
