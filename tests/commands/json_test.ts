import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { COMMANDS } from "../../src/commands/mod.ts";
import { inScratch, kbuild, makeSample, missingFor, unless } from "../e2e/_program.ts";

/** Command lines of every command that need no build, and the keys of what they print. */
const TABLE: Readonly<Record<string, readonly (readonly [args: string, keys: string])[]>> = {
  // tests/commands/demo_test.ts has a whole one.
  demo: [["--era 1.3", "error"]],
  all: [
    ["kubectl --dry-run", "command downloads files go processes pushes"],
    ["nothing", "error"],
    ["--zzz", "error"],
  ],
  kubectl: [["--dry-run", "command downloads files go processes pushes"], ["--jobs many", "error"]],
  "cross-in-a-container": [["--dry-run", "command downloads files go processes pushes"]],
  cross: [["--dry-run", "command downloads files go processes pushes"]],
  release: [["--dry-run", "command downloads files go processes pushes"], [
    "--build-image x",
    "error",
  ]],
  "release-in-a-container": [["--dry-run", "command downloads files go processes pushes"]],
  "quick-release": [["--dry-run", "command downloads files go processes pushes"]],
  gather: [["", "error"], ["quick-release --shard 1/2", "error"]],
  matrix: [["github", "error"], ["--store x travis", "error"], ["--store x github", "system text"]],
  "package-tarballs": [["--base-image go-runner", "error"]],
  packages: [["", "error"], ["dbe", "error"]],
  rpm: [["", "error"], ["amd65", "error"]],
  sbom: [["", "error"], ["--format spx", "error"]],
  bundle: [["", "error"], ["--without x", "error"], ["verify Makefile", "error"]],
  images: [["", "error"], ["push", "error"], ["nothing", "error"]],
  run: [["true", "error"]],
  shell: [["", "error"]],
  "make-build-image": [["--engine rkt", "error"]],
  "copy-output": [["", "files kept output"]],
  "make-clean": [["--engine rkt", "error"]],
  download: [["nothing", "error"], ["v1.30.2 --print-urls", "urls"]],
  "verify-release": [["/nowhere", "error"]],
  sizes: [["/nowhere", "error"], ["--fail-over 2", "error"]],
  compare: [["Makefile Makefile", "a b equal notes results"], [
    "Makefile LICENSE",
    "a b equal notes results",
  ]],
  inspect: [[
    "",
    "build checkout config era generators go goChoice images platforms refusals targets version",
  ]],
  verify_generated_files: [
    ["--dry-run", "command downloads files go processes pushes"],
    ["nothing", "error"],
  ],
  "update-codegen": [
    ["--dry-run", "command downloads files go processes pushes"],
    ["-?", "generators"],
    ["nothing", "error"],
  ],
  "verify-codegen": [
    ["--dry-run", "command downloads files go processes pushes"],
    ["nothing", "error"],
  ],
  generated_files: [
    ["--dry-run", "command downloads files go processes pushes"],
    ["nothing", "error"],
  ],
  "release-images": [["KUBE_EXTRA_WHAT=cmd/nothing", "error"]],
  "quick-release-images": [
    ["--dry-run", "command downloads files go processes pushes"],
    ["KUBE_EXTRA_WHAT=cmd/nothing", "error"],
  ],
  gnu: [["tar x", "error"]],
  timings: [["", "error"]],
  doctor: [["--offline", "findings ok"], ["nothing", "error"]],
  make: [["nothing", "error"], ["-C /nowhere all", "error"]],
  plan: [
    ["all kubectl", "command downloads files go processes pushes"],
    ["--network all kubectl", "command network"],
    ["version", "error"],
  ],
  version: [
    ["", "dirtyPaths from gitCommit gitMajor gitMinor gitTreeState gitVersion notes"],
    ["--shell", "error"],
  ],
  env: [[
    "",
    "KUBE_GOPATH KUBE_OUTPUT KUBE_OUTPUT_BINPATH KUBE_ROOT LOCAL_OUTPUT_BINPATH " +
    "LOCAL_OUTPUT_ROOT THIS_PLATFORM_BIN",
  ]],
  targets: [["", "client conformance-image node server server-image server-test test"]],
  platforms: [["", "0 1 2 3"]],
  toolchain: [
    ["", "cache cached checkout etcd host protoc"],
    ["path", "goroot"],
    ["remove 1.2.3", "error"],
    ["nothing", "error"],
  ],
  store: [["", "error"], ["stat --store /nowhere", "error"], [
    "gc --store oci://r.example/x",
    "error",
  ]],
  test: [
    ["pkg/util/slice --dry-run", "command downloads files go processes pushes"],
    ["pkg/util/slices", "error"],
    ["pkg/util/slice", "packages results seconds slowest tests"],
  ],
  clean_generated: [
    ["--dry-run", "command downloads files go processes pushes"],
    ["", "kept removed"],
  ],
  clean_meta: [["--dry-run", "command downloads files go processes pushes"], ["", "removed"]],
  "test-cmd": [["", "error"]],
  "test-e2e-node": [["FOCUS=x", "error"]],
  "test-e2e-kubeadm": [["", "error"]],
  lint: [["", "error"]],
  vet: [["", "error"]],
  verify: [["nothing", "error"], [
    "gofmt --dry-run",
    "command downloads files go processes pushes",
  ]],
  "quick-verify": [["nothing", "error"]],
  update: [["nothing", "error"], ["", "error"]],
  "test-integration": [["nothing", "error"], ["--shard 3/2", "error"]],
  clean: [["--dry-run", "command downloads files go processes pushes"], ["", "removed"]],
  completion: [["bash", "error"]],
  help: [["", "commands globalFlags topics version"], [
    "all",
    "commands globalFlags topics version",
  ]],
  frobnicate: [["", "error"]],
  "--version": [["", "version"]],
  "--zzz": [["", "error"]],
};

Deno.test("every command is tried with --json", () => {
  const tried = new Set(Object.keys(TABLE));
  assertEquals(COMMANDS.map(({ name }) => name).filter((name) => !tried.has(name)), []);
});

Deno.test({
  ...unless(missingFor("1.20"), "--json prints one JSON value, the result or the error"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      for (const [name, lines] of Object.entries(TABLE)) {
        for (const [line, keys] of lines) {
          const words = line.split(" ").filter((word) => word !== "");
          // What follows the first argument is that program's.
          const passes = COMMANDS.some((each) => each.name === name && each.passthrough === true);
          const args = passes ? [name, "--json", ...words] : [name, ...words, "--json"];
          const { code, stdout, stderr } = await kbuild(args, { cwd: root });
          const value = JSON.parse(stdout) as Record<string, unknown>;
          assertEquals([args, Object.keys(value).sort().join(" ")], [args, keys]);
          if (keys !== "error") continue;
          const { error } = value as { error: Record<string, unknown> };
          assertEquals(Object.keys(error), ["code", "exitCode", "message", "notes", "output"]);
          assertEquals([error["exitCode"], error["code"]], [code, code === 2 ? "usage" : "failed"]);
          assert(stderr.startsWith(`kbuild: ${String(error["message"]).split("\n")[0]}\n`), stderr);
        }
      }
    }),
});
