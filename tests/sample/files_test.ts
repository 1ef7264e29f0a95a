import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { SAMPLE_ERAS, sampleFiles, sampleHistory } from "../../src/sample/mod.ts";
import { eraFacts } from "../../src/sample/eras.ts";
import { raw } from "../../src/sample/raw.ts";
import { joinTrees } from "../../src/sample/tree.ts";

Deno.test("raw() keeps text and only puts in values", () => {
  assertEquals(raw`a\n\${b} \`c\` $d ${"e"} \\.`, "a\\n${b} `c` $d e \\\\.");
});

Deno.test("joinTrees() refuses two entries in one place", () => {
  assertThrows(() => joinTrees({ "a": "1" }, { "a": "2" }), TypeError, 'hold "a"');
  assertThrows(() => joinTrees({ "a/b": "1" }, { "a": "2" }), TypeError, '"a" is both');
});

Deno.test("joinTrees() sorts by code points", () => {
  const tree = joinTrees({ "b": "", "a/c": "", "a-b": "", "\u{1f600}": "", "\uffee": "" });
  assertEquals([...tree.keys()], ["a-b", "a/c", "b", "\uffee", "\u{1f600}"]);
});

for (const era of SAMPLE_ERAS) {
  Deno.test(`sampleFiles() makes a few hundred small files: ${era}`, () => {
    const files = sampleFiles(era);
    assert(files.size > 250 && files.size < 500, `${files.size} files`);
    for (const [path, file] of files) {
      if ("link" in file) continue;
      assert(file.text.length < 32_000, `${path} is big`);
      assert(file.text === "" || file.text.endsWith("\n"), `${path} lacks a last line end`);
      assert(!file.text.includes("undefined"), `${path} holds "undefined"`);
      assert(!file.text.includes("\\${"), `${path} holds an escape`);
      if (file.mode === 0o755) assertMatch(file.text, /^#!/, path);
      if (path.endsWith(".json")) JSON.parse(file.text);
    }
  });

  Deno.test(`sampleFiles() has only links that lead somewhere: ${era}`, () => {
    const files = sampleFiles(era);
    const links = [...files].flatMap(([path, file]) =>
      "link" in file ? [[path, join(dirname(path), file.link)] as const] : []
    );
    assert(links.length >= 4);
    for (const [path, target] of links) {
      const found = files.has(target) ||
        [...files.keys()].some((other) => other.startsWith(`${target}/`));
      assert(found, `"${path}" leads to "${target}", which is not there`);
    }
  });

  Deno.test(`sampleFiles() holds odd names and what tarballs leave out: ${era}`, () => {
    const paths = [...sampleFiles(era).keys()];
    assert(paths.some((path) => /^docs\/.* .*ö/.test(path)), "a space and unicode");
    assert(paths.some((path) => path.length > 100), "a long path");
    assert(paths.some((path) => /^cluster\/addons\/.*demo.*\.yaml$/.test(path)), "a demo");
    const { godeps } = eraFacts(era);
    assertEquals(paths.some((path) => path.startsWith("cluster/gce/manifests/internal-")), !godeps);
    const licenses = godeps ? "Godeps/LICENSES" : "LICENSES/LICENSE";
    for (const path of [licenses, "README.md", "hack/lib/golang.sh", "docs/OWNERS"]) {
      assert(paths.includes(path), path);
    }
  });

  Deno.test(`sampleHistory() grows and ends at the version's tag: ${era}`, () => {
    const history = sampleHistory(era);
    const version = history.at(-1)!.tag;
    const minor = era === "latest" ? "1.36" : era;
    assertMatch(version ?? "", new RegExp(`^v${minor.replace(".", "\\.")}\\.\\d+$`));
    assertEquals(history.at(-2)!.tag, undefined);
    assertMatch(history[0]!.tag ?? "", /-alpha\.1$/);
    const times = history.map(({ time }) => time);
    assertEquals(times, times.toSorted((a, b) => a - b));
    assertEquals(history.at(-1)!.files, sampleFiles(era));
  });
}

Deno.test("sampleFiles() takes each era's shape", () => {
  const eras = ["1.7", "1.20", "1.28", "1.35", "latest"] as const;
  const trees = eras.map((era) => sampleFiles(era));
  const only = (path: string, expected: readonly (typeof eras[number])[]) =>
    assertEquals(eras.filter((_, index) => trees[index]!.has(path)), [...expected], path);
  const recent = ["1.28", "1.35", "latest"] as const;
  only("Godeps/Godeps.json", ["1.7"]);
  only("go.mod", ["1.20", ...recent]);
  only("go.work", ["1.35", "latest"]);
  only(".go-version", recent);
  only("Makefile.generated_files", ["1.7", "1.20"]);
  only("cmd/libs/go2idl/openapi-gen/main.go", ["1.7"]);
  only("vendor/k8s.io/apimachinery", ["1.7", "1.20", "1.28"]);
  only("pkg/generated/openapi/zz_generated.openapi.go", recent);
  only("pkg/generated/bindata.go", ["1.7"]);
  only("test/e2e/generated/bindata.go", []);
  only("cluster/lib/logging.sh", ["1.7"]);
  only("cluster/saltbase/salt/kube-proxy/kube-proxy.manifest", ["1.7"]);
  only("cluster/gce/gci/health-monitor.sh", ["1.7", "1.20", "1.28"]);
  only("cluster/gce/manifests/cloud-controller-manager.manifest", recent);
  only("build/server-image/kube-apiserver/Dockerfile", recent);
  only("build/build-image/Dockerfile", ["1.7", "1.20", "1.28", "1.35"]);
  only("cluster/images/conformance/Dockerfile", ["1.20"]);
  only("test/conformance/image/Dockerfile", recent);
  const rsync = trees.map((files) => {
    const common = files.get("build/common.sh")!;
    return "text" in common && common.text.includes("rsync");
  });
  assertEquals(rsync, [true, true, true, true, false]);
});
