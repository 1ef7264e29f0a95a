import { assertEquals } from "@std/assert";
import { coveredPercent, lcovOf, parseCoverage } from "../../src/testing/mod.ts";

const PROFILE = `mode: atomic
k8s.io/kubernetes/pkg/b/b.go:1.2,3.4 2 0
k8s.io/kubernetes/pkg/a/a.go:10.13,12.2 1 7
k8s.io/kubernetes/pkg/a/a.go:12.2,13.16 3 0
nonsense
k8s.io/kubernetes/pkg/a/a.go:20.1,20.9 2 1
`;

Deno.test("parseCoverage(), coveredPercent() and lcovOf() read a profile of Go", () => {
  const coverage = parseCoverage(PROFILE);
  assertEquals([...coverage.keys()], [
    "k8s.io/kubernetes/pkg/b/b.go",
    "k8s.io/kubernetes/pkg/a/a.go",
  ]);
  assertEquals(coveredPercent(coverage), 100 * 3 / 8);
  assertEquals(coveredPercent(parseCoverage("mode: set\n")), 0);
  assertEquals(
    lcovOf(coverage, (file) => file.replace("k8s.io/kubernetes/", "")),
    `SF:pkg/a/a.go
DA:10,7
DA:11,7
DA:12,7
DA:13,0
DA:20,1
LF:5
LH:4
end_of_record
SF:pkg/b/b.go
DA:1,0
DA:2,0
DA:3,0
LF:3
LH:0
end_of_record
`,
  );
});
