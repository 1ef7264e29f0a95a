import { assertEquals } from "@std/assert";
import { containerName, rootHash } from "../../src/container/mod.ts";

Deno.test("rootHash() is what short_hash of the scripts gives", () => {
  const [hostname, root] = ["myhost", "/go/src/k8s.io/kubernetes"];
  // printf %s myhost:/go/src/k8s.io/kubernetes | md5sum; likewise with :master and with ":".
  assertEquals(rootHash({ hostname, root, branch: undefined }), "7058fe85f0");
  assertEquals(rootHash({ hostname, root, branch: "master" }), "bd493105f5");
  assertEquals(rootHash({ hostname, root, branch: "" }).length, 10);
});

Deno.test("containerName() names the container of the scripts", () => {
  assertEquals(
    containerName("bd493105f5", { version: "5-v1.15.5-1", hasBranch: true }),
    "kube-build-bd493105f5-5-v1.15.5-1",
  );
});
