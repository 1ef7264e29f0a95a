import { assertEquals } from "@std/assert";
import { compareLdflags } from "../../src/audit/compare_ldflags.ts";

const flags = (version: string, more = "-s -w") =>
  `${more} -X 'k8s.io/client-go/pkg/version.gitVersion=${version}' ` +
  `-X 'k8s.io/component-base/version.gitVersion=${version}' -X k8s.io/x.date=today`;

Deno.test("compareLdflags() names the variables that differ, each once, and other flags", () => {
  const table: readonly (readonly [a: string, b: string, words: readonly string[]])[] = [
    [flags("v1.0.0"), flags("v1.0.0"), []],
    [flags("v1.0.0"), flags("v1.0.1"), ["-X gitVersion: v1.0.0 in A, v1.0.1 in B"]],
    [flags("v1", "-s"), flags("v1", ""), ["build setting -ldflags: -s in A, none in B"]],
    ["-X=a.b=1", "-X a.b=2", ["-X b: 1 in A, 2 in B"]],
    ['"-X a.b=one two"', "", ["-X b: one two in A, none in B"]],
    ["", "-X 'a.b=x' -X 'c.b=y'", ["-X b: none in A, x in B", "-X b: none in A, y in B"]],
    ["-X", "-X novalue", ["build setting -ldflags: -X in A, -X novalue in B"]],
  ];
  for (const [a, b, words] of table) assertEquals(compareLdflags(a, b), words, `${a} | ${b}`);
});
