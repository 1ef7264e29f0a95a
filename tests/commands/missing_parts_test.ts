import { assertEquals, assertThrows } from "@std/assert";
import { MissingParts } from "../../src/commands/missing_parts.ts";
import { KbuildError } from "../../src/errors.ts";

Deno.test("MissingParts names all parts in one error, in the order of a bundle", () => {
  const missing = new MissingParts();
  missing.check();
  missing.add("etcd", "the checkout's kubeadm does not say which image", [
    "--image etcd=REFERENCE",
  ]);
  missing.add("kubelet", "_output/kubelet", ["Make programs: kbuild all"]);
  for (let i = 0; i < 8; i++) missing.add("sbom", `_output/${i}.json`, ["Make SBOMs: kbuild sbom"]);
  const { output, notes } = assertThrows(() => missing.check(), KbuildError);
  assertEquals(output, [
    "kubelet: _output/kubelet",
    "etcd: the checkout's kubeadm does not say which image",
    ...[0, 1, 2, 3, 4, 5].map((i) => `sbom: _output/${i}.json`),
    "sbom: … and 2 more",
  ]);
  assertEquals(notes, [
    "--image etcd=REFERENCE",
    "Make programs: kbuild all",
    "Make SBOMs: kbuild sbom",
    "Or leave them out by name: --without kubelet,etcd,sbom",
  ]);
});
