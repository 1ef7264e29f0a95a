import { assertEquals } from "@std/assert";
import { renderTable } from "../../src/cli/mod.ts";

Deno.test("renderTable() aligns columns and leaves no blanks at line ends", () => {
  const rows = [["NAME", "SIZE", "NOTE"], ["kubelet", "9", ""], ["kubectl", "1024", "static"]];
  assertEquals(
    renderTable(rows, { align: ["left", "right"] }),
    "NAME     SIZE  NOTE\nkubelet     9\nkubectl  1024  static\n",
  );
  assertEquals(renderTable([["a", "b"]], { indent: "  " }), "  a  b\n");
});

Deno.test("renderTable() handles ragged, empty, wide, coloured and broken cells", () => {
  assertEquals(renderTable([]), "");
  assertEquals(renderTable([["a"], ["bb", "c"]]), "a\nbb  c\n");
  assertEquals(renderTable([["世界", "x"], ["abc", "y"]]), "世界  x\nabc   y\n");
  assertEquals(renderTable([["e\u0301", "x"], ["ab", "y"]]), "e\u0301   x\nab  y\n");
  assertEquals(
    renderTable([["\x1b[31mr\x1b[0m", "x"], ["ab", "y"]]),
    "\x1b[31mr\x1b[0m   x\nab  y\n",
  );
  assertEquals(renderTable([["a\nb\tc", "x"]]), "a\\nb\\tc  x\n");
});

Deno.test("renderTable() fits a terminal: paths give way at their starts, names at their ends", () => {
  const rows = [
    ["ARTIFACT", "SIZE", "NAME"],
    ["_output/release-tars/kubernetes-client-linux-amd64.tar.gz", "730 kB", "the name of a thing"],
    ["_output/short", "1 B", "short"],
  ];
  const cut = ["start", undefined, "end"] as const;
  for (const width of [40, 60, 80]) {
    const lines = renderTable(rows, { width, cut }).trimEnd().split("\n");
    assertEquals(lines.filter((line) => [...line].length > width), [], `${width}`);
    assertEquals([...lines[1] ?? ""][0], "…");
    assertEquals(lines[2]?.startsWith("_output/short"), true);
  }
  // Without a width, and where nothing gives way, the table is as wide as it is.
  assertEquals(renderTable(rows, { cut }).includes("…"), false);
  assertEquals(renderTable(rows, { width: 20 }), renderTable(rows));
});

Deno.test("renderTable() breaks no line of four columns in a terminal of 40", () => {
  const rows = [
    ["FILE", "SIZE", "DIGEST", "DIGEST FROM"],
    ["kubernetes-v1.30.2/kubectl", "1.61 MB", "sha256:0123456789ab…", "origin"],
    ["  k8s.io/kubernetes/pkg/kubelet/cm", "1.61 MB", "", ""],
  ];
  const cut = ["start", undefined, "end", "end"] as const;
  const lines = renderTable(rows, { width: 40, cut }).trimEnd().split("\n");
  assertEquals(lines.filter((line) => [...line].length > 40), []);
  assertEquals(lines[1]?.includes("1.61 MB"), true);
  // What belongs to the line above it is still indented.
  assertEquals(lines[2]?.startsWith("  …"), true);
});

Deno.test("renderTable() keeps names apart in a narrow terminal", () => {
  const names = ["kube-apiserver", "kube-proxy", "kube-scheduler"];
  const rows = names.map((name) => [
    `k8s.gcr.io/${name}-amd64:v1.20.2-dirty`,
    "linux/amd64",
    "sha256:0123456789ab…",
    `_output/release-images/amd64/${name}.tar`,
  ]);
  const cut = ["name", undefined, "end", "start"] as const;
  const shown = (width: number) =>
    renderTable(rows, { width, cut }).trimEnd().split("\n").map((line) => line.split(/ +/)[0]);
  assertEquals(shown(55), ["…/kube-apiser…", "…/kube-proxy-…", "…/kube-schedu…"]);
  assertEquals(shown(78)[1], "…/kube-proxy-amd64:v1.20.2-dirty");
});
