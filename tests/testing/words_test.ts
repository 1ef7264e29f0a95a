import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UsageError } from "../../src/errors.ts";
import { packageArguments, shortName } from "../../src/testing/mod.ts";
import { withFiles } from "../checkout/fixture.ts";

const OWN = "k8s.io/kubernetes";
const FILES = {
  "pkg/kubelet/kubelet.go": "",
  "pkg/ku belet/x.go": "",
  "staging/src/k8s.io/api/types.go": "",
  "vendor/k8s.io/api/types.go": "",
};

Deno.test("packageArguments() takes what users name packages by", async () => {
  await withFiles(FILES, async (root) => {
    const at = async (cwd: string, word: string, inGopath = true) =>
      (await packageArguments({ root }, [word], { own: OWN, inGopath, cwd })).join(" ");
    const table: readonly (readonly [word: string, argument: string])[] = [
      ["pkg/kubelet", "./pkg/kubelet"],
      ["./pkg/kubelet/", "./pkg/kubelet"],
      ["pkg/...", "./pkg/..."],
      ["...", "./..."],
      ["./...", "./..."],
      [join(root, "pkg/kubelet"), "./pkg/kubelet"],
      [`${OWN}/pkg/kubelet`, "./pkg/kubelet"],
      [`${OWN}/vendor/k8s.io/api`, "./vendor/k8s.io/api"],
      ["staging/src/k8s.io/api/...", "./vendor/k8s.io/api/..."],
      ["./vendor/k8s.io/api", "./vendor/k8s.io/api"],
      ["github.com/x/y", "github.com/x/y"],
      ["pkg/ku belet", "./pkg/ku belet"],
    ];
    for (const [word, argument] of table) assertEquals(await at(root, word), argument, word);
    assertEquals(await at(root, "staging/src/k8s.io/api", false), "k8s.io/api");
    assertEquals(await at(root, "vendor/k8s.io/api/...", false), "k8s.io/api/...");
    // From where the user is; what is not there is looked for from the root.
    const below = join(root, "pkg");
    assertEquals(await at(below, "./kubelet"), "./pkg/kubelet");
    assertEquals(await at(below, "..."), "./pkg/...");
    assertEquals(await at(below, "../staging/src/k8s.io/api"), "./vendor/k8s.io/api");
    assertEquals(await at(below, "pkg/kubelet"), "./pkg/kubelet");
    assertEquals(await at("/", "./pkg/kubelet"), "./pkg/kubelet");

    const error = await assertRejects(() => at(root, "pkg/kubelt/..."), UsageError);
    assertEquals(
      error.message,
      'Cannot test "pkg/kubelt/...": this checkout has no such directory',
    );
    assertEquals(error.notes[0], 'Did you mean "pkg/kubelet"?');
    for (const word of ["/etc", "../..", "pkg/kubelet/kubelet.go"]) {
      await assertRejects(() => at(root, word), UsageError);
    }
  });
});

Deno.test("shortName() is what a user names a package by", () => {
  assertEquals(shortName(`${OWN}/pkg/kubelet`, OWN), "pkg/kubelet");
  assertEquals(shortName("k8s.io/api", OWN), "k8s.io/api");
});
