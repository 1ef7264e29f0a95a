import { assertEquals } from "@std/assert";
import { didYouMean, nearest } from "../../src/lib/nearest.ts";

Deno.test("nearest() finds slips and beginnings", () => {
  const words = ["all", "cross", "release", "quick-release", "release-images", "test", "package"];
  const table: [string, number, string[]][] = [
    ["relase", 3, ["release"]],
    ["release-", 3, ["release", "release-images"]],
    ["rel", 3, ["release", "release-images"]],
    ["re", 3, []],
    ["tset", 1, ["test"]],
    ["TEST", 1, ["test"]],
    ["al", 1, ["all"]],
    ["zzz", 3, []],
    ["", 3, []],
    ["kubectl", 3, []],
  ];
  for (const [typed, limit, expected] of table) {
    assertEquals(nearest(typed, words, limit), expected);
  }
});

Deno.test("nearest() does not find what is far-fetched", () => {
  const platforms = ["linux/386", "linux/amd64", "linux/arm", "linux/arm64", "windows/386"];
  const table: [string, readonly string[], string[]][] = [
    ["linux/amd46", platforms, ["linux/amd64"]],
    ["linux/amr64", platforms, ["linux/arm64"]],
    ["linux/foo", platforms, []],
    ["linux/mips", platforms, []],
    ["darwin/386", platforms, []],
    ["12", ["0", "1", "2"], []],
    ["10", ["0", "1", "2"], []],
    ["shell", ["help", "release"], []],
    ["WAHT", ["WHAT"], ["WHAT"]],
    ["quikrelease", ["quick-release", "release"], ["quick-release"]],
    ["kubeproxy", ["kube-proxy", "kubeadm"], ["kube-proxy"]],
    ["cmd/kubelett", ["cmd/kubelet"], ["cmd/kubelet"]],
  ];
  for (const [typed, words, expected] of table) {
    assertEquals([typed, nearest(typed, words)], [typed, expected]);
  }
});

Deno.test("didYouMean() gives no note when nothing is near", () => {
  assertEquals(didYouMean([]), []);
  assertEquals(didYouMean(["a"]), ['Did you mean "a"?']);
  assertEquals(didYouMean(["a", "b"]), ['Did you mean "a" or "b"?']);
});
