/** What a release consists of, as far as it can be looked at without making one. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import denoConfig from "../../deno.json" with { type: "json" };
import { fillFormula } from "../../scripts/dist/formula.ts";
import { libraryModules, npmExports } from "../../scripts/dist/library.ts";
import { mainManifest, platformManifest } from "../../scripts/dist/npm_packages.ts";
import { hostDistPlatform, platformNamed, PLATFORMS } from "../../scripts/dist/platforms.ts";
import { readFlags } from "../../scripts/dist/script.ts";
import { KbuildError } from "../../src/errors.ts";
import { CLONE, ENV, output, run, unless, which } from "../e2e/_program.ts";

const read = (path: string) => Deno.readTextFile(join(CLONE, path));

/** Go puts it there, whether that is in PATH or not. */
const actionlint = which("actionlint", `${ENV["PATH"]}:${ENV["HOME"]}/go/bin`);

Deno.test("platformNamed() takes the names of Deno, npm and Go, and names them all when it does not", () => {
  for (const platform of PLATFORMS) {
    for (const word of [platform.name, platform.target, platform.go]) {
      assertEquals(platformNamed(word), platform);
    }
  }
  const error = assertThrows(() => platformNamed("windows/amd64"), KbuildError);
  assertEquals(error.notes, ["The platforms: linux-x64, linux-arm64, darwin-x64, darwin-arm64"]);
  assertEquals(hostDistPlatform({ os: "darwin", arch: "aarch64" })?.name, "darwin-arm64");
  assertEquals(hostDistPlatform({ os: "windows", arch: "x86_64" }), undefined);
});

Deno.test("npm's packages: versions are one, platforms are those of the table, no install scripts", () => {
  const main = mainManifest();
  const { version } = denoConfig;
  assertEquals(
    main["optionalDependencies"],
    Object.fromEntries(PLATFORMS.map(({ name }) => [`@k8s/kbuild-${name}`, version])),
  );
  for (const manifest of [main, ...PLATFORMS.map((each) => platformManifest(each, "a/b"))]) {
    assertEquals([manifest["version"], manifest["scripts"]], [version, undefined]);
  }
  const { name, os, cpu, libc, repository } = platformManifest(platformNamed("linux-arm64"), "a/b");
  assertEquals([name, os, cpu, libc], ["@k8s/kbuild-linux-arm64", ["linux"], ["arm64"], ["glibc"]]);
  assertEquals(repository, { type: "git", url: "git+https://github.com/a/b.git" });
  assertEquals(Object.keys(npmExports()).length, libraryModules().length);
});

Deno.test("the version is in deno.json alone", async () => {
  assert(!("version" in JSON.parse(await read("package.json"))));
  const { version } = denoConfig;
  for (const path of ["main.ts", "README.md", "RUNBOOK.md", "packaging/kbuild.rb.in"]) {
    assert(!(await read(path)).includes(`"${version}"`), path);
  }
});

Deno.test("fillFormula() fills in every value, and says which one is missing", async () => {
  const template = await read("packaging/kbuild.rb.in");
  const sums = PLATFORMS.map(({ name }, i) => `${`${i}`.repeat(64)}  kbuild-${name}\n`);
  const values = { repository: "owner/name", version: "1.2.3" };
  const formula = fillFormula(template, { ...values, sums: sums.join("") });
  assert(!/@[A-Z]/.test(formula), formula);
  assertStringIncludes(formula, "/owner/name/releases/download/v1.2.3/kbuild-darwin-arm64");
  for (const i of PLATFORMS.keys()) assertStringIncludes(formula, `sha256 "${`${i}`.repeat(64)}"`);
  assertThrows(
    () => fillFormula(template, { ...values, sums: sums.slice(1).join("") }),
    KbuildError,
    'Cannot fill in "SHA256 linux-x64" of the formula',
  );
});

Deno.test("readFlags() takes values with and without =, and refuses the rest", () => {
  const flags = readFlags(["--out=a=b", "--target", "x", "--target=y"], ["out", "target"]);
  assertEquals([flags.one("out"), flags.all("target"), flags.one("none")], [
    "a=b",
    ["x", "y"],
    undefined,
  ]);
  for (const argv of [["--other", "x"], ["out"], ["--out"], ["--out="]]) {
    assertThrows(() => readFlags(argv, ["out"]), KbuildError);
  }
});

Deno.test({
  ...unless(
    actionlint === undefined && "needs actionlint, which go install brings",
    "the workflows pass actionlint",
  ),
  fn: async () => {
    const workflows = ["ci.yml", "release.yml"].map((name) =>
      join(CLONE, ".github/workflows", name)
    );
    const { code, stdout } = await run([actionlint ?? "", "-no-color", ...workflows]);
    assertEquals([code, stdout], [0, ""]);
  },
});

Deno.test("release.yml releases every platform, and the shell scripts are read by sh", async () => {
  const workflow = await read(".github/workflows/release.yml");
  for (const { name } of PLATFORMS) {
    assertEquals(workflow.split(`--target ${name}`).length - 1, 2, name);
  }
  for (const script of ["sign_macos.sh", "notarise_macos.sh"]) {
    assertStringIncludes(workflow, `packaging/${script}`);
    await output(["sh", "-n", join(CLONE, "packaging", script)]);
  }
});

Deno.test({
  ...unless(which("ruby") === undefined && "needs ruby", "the formula is Ruby"),
  fn: async () => void await output(["ruby", "-c", join(CLONE, "packaging/kbuild.rb.in")]),
});
