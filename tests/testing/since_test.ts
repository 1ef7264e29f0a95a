import { assertEquals } from "@std/assert";
import { parseDependencies, reachedPackages } from "../../src/testing/since.ts";

const OWN = "k8s.io/kubernetes";

/** What `go list -test` prints of three packages in the GOPATH. */
const LISTED = [
  `${OWN}/pkg/a\t\tfmt\t${OWN}/pkg/b`,
  `${OWN}/pkg/a [${OWN}/pkg/a.test]\t${OWN}/pkg/a\tfmt\t${OWN}/pkg/b`,
  `${OWN}/pkg/a.test\t\t${OWN}/pkg/a [${OWN}/pkg/a.test]\t${OWN}/pkg/testing\tfmt`,
  `${OWN}/pkg/b\t\tfmt\t${OWN}/vendor/k8s.io/api`,
  `${OWN}/vendor/k8s.io/api\t\tfmt`,
  `${OWN}/vendor/k8s.io/api.test\t\t${OWN}/vendor/github.com/x/y`,
].join("\n");
const PACKAGES = ["./pkg/a", "./pkg/b", "./vendor/k8s.io/api"];

Deno.test("reachedPackages() follows Go's dependencies, those of tests included", () => {
  const dependencies = parseDependencies(LISTED, PACKAGES, OWN);
  const table: readonly (readonly [changed: string, reached: readonly string[]])[] = [
    ["pkg/a/a.go", ["./pkg/a"]],
    ["pkg/b/b_test.go", ["./pkg/a", "./pkg/b"]],
    ["pkg/testing/helper.go", ["./pkg/a"]],
    ["pkg/a/testdata/deep/case.yaml", ["./pkg/a"]],
    ["staging/src/k8s.io/api/types.go", ["./pkg/b", "./vendor/k8s.io/api"]],
    ["vendor/github.com/x/y/y.go", ["./vendor/k8s.io/api"]],
    ["docs/README.md", []],
    ["pkg/new/new.go", []],
  ];
  for (const [changed, reached] of table) {
    assertEquals(reachedPackages(dependencies, [changed], OWN), reached, changed);
  }
  assertEquals(reachedPackages(dependencies, [], OWN), []);
});

Deno.test("reachedPackages() knows packages by their names as modules", () => {
  const listed = "k8s.io/api.test\t\tfmt\nk8s.io/client-go\t\tk8s.io/api\n";
  const dependencies = parseDependencies(listed, ["k8s.io/api", "k8s.io/client-go"], OWN);
  assertEquals(reachedPackages(dependencies, ["staging/src/k8s.io/api/a.go"], OWN), [
    "k8s.io/api",
    "k8s.io/client-go",
  ]);
});
