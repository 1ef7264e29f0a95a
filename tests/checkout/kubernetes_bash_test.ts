import { assertEquals } from "@std/assert";
import { readBash } from "../../src/checkout/mod.ts";

Deno.test("readBash() knows the functions of hack/lib", () => {
  const text = `
    kube::util::read-array A < <(kube::golang::dups b a c a b)
    kube::util::read-array B < <(kube::golang::dedup b a b)
    kube::util::read-array C < <(kube::golang::dups a b)
    D=$(kube::util::host_arch)
    kube::util::array_contains b a b && E=yes
    kube::util::array_contains x a b || F=no
    V=2 kube::log::status "not" "printed"
    kube::util::host_arch() { uname -m; }
    G=$(kube::util::host_arch)
  `;
  const reader = readBash({ files: [{ path: "a.sh", text }], variables: {}, hostArch: "arm64" });
  assertEquals(["A", "B", "C"].map(reader.array), [["a", "b"], ["a", "b"], []]);
  assertEquals([reader.get("D"), reader.get("E"), reader.get("F")], ["arm64", "yes", "no"]);
  assertEquals(reader.get("G"), "arm64");
  assertEquals(reader.diagnostics, []);
});
