import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { SAMPLE_ERAS, sampleFiles, sampleHistory } from "../../src/sample/mod.ts";
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
    assert(links.length >= 5);
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
    assert(paths.some((path) => /^cluster\/gce\/manifests\/internal-/.test(path)), "internal-*");
    for (const path of ["LICENSES/LICENSE", "README.md", "hack/lib/golang.sh", "docs/OWNERS"]) {
      assert(paths.includes(path), path);
    }
  });

  Deno.test(`sampleHistory() grows and ends at the version's tag: ${era}`, () => {
    const history = sampleHistory(era);
    const version = history.at(-1)!.tag;
    assertMatch(version ?? "", new RegExp(`^v${era.replace(".", "\\.")}\\.\\d+$`));
    assertEquals(history.at(-2)!.tag, undefined);
    assertMatch(history[0]!.tag ?? "", /-alpha\.1$/);
    const times = history.map(({ time }) => time);
    assertEquals(times, times.toSorted((a, b) => a - b));
    assertEquals(history.at(-1)!.files, sampleFiles(era));
  });
}

Deno.test("sampleFiles() takes each era's shape", () => {
  const old = sampleFiles("1.20");
  const recent = sampleFiles("1.35");
  const only = (path: string, expected: readonly [boolean, boolean]) =>
    assertEquals([old.has(path), recent.has(path)], expected, path);
  only("go.mod", [true, true]);
  only("go.work", [false, true]);
  only(".go-version", [false, true]);
  only("Makefile.generated_files", [true, false]);
  only("vendor/k8s.io/api", [true, false]);
  only("pkg/generated/openapi/zz_generated.openapi.go", [false, true]);
  only("test/e2e/generated/bindata.go", [false, false]);
  only("cluster/gce/gci/health-monitor.sh", [true, false]);
  only("build/server-image/kube-apiserver/Dockerfile", [false, true]);
  only("cluster/images/conformance/Dockerfile", [true, false]);
  only("test/conformance/image/Dockerfile", [false, true]);
  for (const files of [old, recent]) {
    const common = files.get("build/common.sh")!;
    assert("text" in common && common.text.includes("rsync"));
  }
});
