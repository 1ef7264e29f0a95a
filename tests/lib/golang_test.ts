import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import {
  binaryName,
  type BuildPlan,
  BYTES_PER_PLATFORM,
  compareGoVersions,
  goFlags,
  goPackages,
  type GoTool,
  isStatic,
  parseGoVersion,
  planBuild,
  platformEnv,
  schedulePlatforms,
  selectTargets,
  workspaceModules,
} from "../../src/lib/golang/mod.ts";
import type { KubeContext } from "../../src/lib/init.ts";
import { type OpenSample, openSample } from "./_open.ts";

const old = await openSample("1.20");
const workspace = await openSample("1.35");
globalThis.addEventListener("unload", () => {
  for (const { context } of [old, workspace]) {
    Deno.removeSync(`${context.root}/..`, { recursive: true });
  }
});

function goTool(host: string): GoTool {
  return { path: "/go/bin/go", description: "", version: "1.19.8", devel: false, host };
}

function plan(
  sample: OpenSample,
  options: {
    context?: KubeContext;
    targets: readonly string[];
    platform?: string;
    host?: string;
    goflags?: readonly string[];
    modules?: ReadonlyMap<string, string>;
  },
): BuildPlan["platforms"][number]["steps"] {
  const { context = sample.context, targets, platform = "linux/amd64", host = "linux/amd64" } =
    options;
  const { goflags = [], modules = new Map() } = options;
  const flags = goFlags(sample.checkout, {
    env: context.env,
    goflags,
    versionLdflags: "-X 'a.b=c'",
    strictParity: context.strictParity,
  });
  const { platforms } = planBuild(context, sample.checkout, {
    go: goTool(host),
    matrix: [{ platform, targets }],
    flags,
    binPath: context.binPath,
    modules,
  });
  return platforms[0]?.steps ?? [];
}

Deno.test("parseGoVersion() reads releases, candidates, experiments and development versions", () => {
  const table: [string, ReturnType<typeof parseGoVersion>][] = [
    ["go version go1.19.8 linux/amd64", { version: "1.19.8", devel: false, host: "linux/amd64" }],
    ["go version go1.24rc1 darwin/arm64", { version: "1.24", devel: false, host: "darwin/arm64" }],
    [
      "go version go1.20.1 X:boringcrypto linux/arm64",
      { version: "1.20.1", devel: false, host: "linux/arm64" },
    ],
    [
      "go version devel go1.27-5b7f1ea Mon Nov 3 2025 linux/amd64",
      { version: "1.27", devel: true, host: "linux/amd64" },
    ],
    [
      "go version devel +abcdef123 Mon Nov 3 2019 linux/amd64",
      { version: "", devel: true, host: "linux/amd64" },
    ],
    ["gccgo (Debian) 12.2.0", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of table) assertEquals(parseGoVersion(line), expected, line);
});

Deno.test("compareGoVersions() compares numbers, not text", () => {
  const table: [string, string, number][] = [
    ["1.10", "1.6", 1],
    ["1.6", "1.10", -1],
    ["1.15.0", "1.15", 0],
    ["1.19.8", "1.19.10", -1],
    ["1.26.8", "1.15.0", 1],
  ];
  for (const [a, b, sign] of table) {
    assertEquals(Math.sign(compareGoVersions(a, b)), sign, `${a} and ${b}`);
  }
});

Deno.test("selectTargets() resolves names, folders and flags as make's WHAT", async () => {
  const table: [string[], string[], string[]][] = [
    [["cmd/kubectl"], ["cmd/kubectl"], []],
    [["kubectl"], ["cmd/kubectl"], []],
    [["cmd/kubectl cmd/kubelet -v"], ["cmd/kubectl", "cmd/kubelet"], ["-v"]],
    [["kubectl", "cmd/kubectl"], ["cmd/kubectl"], []],
    [["e2e.test"], ["test/e2e/e2e.test"], []],
    [["test/e2e/e2e.test"], ["test/e2e/e2e.test"], []],
    [["vendor/k8s.io/kube-aggregator"], ["vendor/k8s.io/kube-aggregator"], []],
    [["kube-aggregator"], ["vendor/k8s.io/kube-aggregator"], []],
    [["cmd/kubectl/"], ["cmd/kubectl"], []],
    [["k8s.io/kubernetes/cmd/kubectl"], ["k8s.io/kubernetes/cmd/kubectl"], []],
    [["./vendor/k8s.io/kube-openapi/cmd/openapi-gen"], [
      "./vendor/k8s.io/kube-openapi/cmd/openapi-gen",
    ], []],
  ];
  for (const [words, targets, goflags] of table) {
    const selection = await selectTargets(old.checkout, words);
    assertEquals(selection, { targets, goflags }, words.join("|"));
  }
});

Deno.test("selectTargets() takes every target of the checkout when none is named", async () => {
  const { targets } = await selectTargets(old.checkout, ["-v"]);
  assertEquals(targets, [...new Set(old.checkout.targets.all.value)]);
  assert(targets.includes("test/e2e_node/e2e_node.test"));
});

Deno.test("selectTargets() names the nearest target", async () => {
  const error = await assertRejects(
    () => selectTargets(old.checkout, ["cmd/kubctl"]),
    UsageError,
  );
  assertStringIncludes(error.message, 'Unknown target "cmd/kubctl"');
  assertStringIncludes(error.notes.join("\n"), '"cmd/kubectl"');
});

Deno.test("goPackages() writes GOPATH packages as binaries_from_targets does", () => {
  const targets = ["cmd/kubectl", "vendor/k8s.io/kube-aggregator", "./vendor/a/b", "k8s.io/x/y"];
  assertEquals(goPackages(old.checkout, targets, new Map()), [
    "k8s.io/kubernetes/cmd/kubectl",
    "k8s.io/kubernetes/vendor/k8s.io/kube-aggregator",
    "k8s.io/kubernetes/./vendor/a/b",
    "k8s.io/x/y",
  ]);
});

Deno.test("goPackages() writes module packages as normalize_go_targets does", async () => {
  const modules = await workspaceModules(workspace.checkout.root);
  const targets = [
    "cmd/kubectl",
    "./cmd/kubelet",
    "staging/src/k8s.io/kube-aggregator",
    "vendor/k8s.io/kube-aggregator",
    "ginkgo",
    "vendor/github.com/onsi/ginkgo/ginkgo",
    "test/e2e/e2e.test",
  ];
  assertEquals(goPackages(workspace.checkout, targets, modules), [
    "github.com/onsi/ginkgo/v2/ginkgo",
    "k8s.io/kube-aggregator",
    "k8s.io/kubernetes/cmd/kubectl",
    "k8s.io/kubernetes/cmd/kubelet",
    "k8s.io/kubernetes/test/e2e/e2e.test",
  ]);
});

Deno.test("goFlags() writes the flags of each era", () => {
  const { root } = old.checkout;
  const inputs = { goflags: [], versionLdflags: "-X 'a.b=c'", strictParity: false };
  const of = (sample: OpenSample, env: Record<string, string>, strictParity = false) =>
    goFlags(sample.checkout, { ...inputs, env, strictParity });

  assertEquals(of(old, {}).build, [
    "-gcflags",
    ` -trimpath=${root}`,
    "-asmflags",
    `-trimpath=${root}`,
    "-ldflags",
    "-s -w -buildid= -X 'a.b=c'",
    "-tags",
    "selinux,notest,",
  ]);
  assertEquals(of(old, {}).installSuffix, ["-installsuffix", "static"]);
  assertEquals(of(old, { GOLDFLAGS: "" }).build[5], " -X 'a.b=c'");
  assertEquals(of(old, { GOGCFLAGS: "-N -l" }).build[1], `-N -l -trimpath=${root}`);
  assertEquals(of(old, { GOFLAGS: "-v -tags=foo,bar" }).build[7], "selinux,notest,foo,bar");
  // 1.20 pastes a GOFLAGS without -tags= whole: a bug that only --strict-parity brings back.
  assertEquals(of(old, { GOFLAGS: "-v" }).build[7], "selinux,notest,");
  assertEquals(of(old, { GOFLAGS: "-v" }, true).build[7], "selinux,notest,-v");

  assertEquals(of(workspace, {}).build, [
    "-gcflags=",
    "-ldflags=all=-X 'a.b=c'  -s -w",
    "-tags=selinux,notest,grpcnotrace,",
  ]);
  assertEquals(of(workspace, {}).extra, ["-trimpath"]);
  assertEquals(
    of(workspace, { GOLDFLAGS: "-linkmode external" }).build[1],
    [
      "-ldflags=all=-X 'a.b=c' -linkmode external -s -w",
    ][0],
  );
  assertEquals(of(workspace, { DBG: "1" }).build, [
    "-gcflags= all=-N -l",
    "-ldflags=all=-X 'a.b=c' ",
    "-tags=selinux,notest,",
  ]);
  assertEquals(of(workspace, { DBG: "1" }).extra, []);
});

Deno.test("planBuild() puts targets that share flags into one go install", () => {
  const steps = plan(old, {
    targets: ["cmd/kubectl", "cmd/kubelet", "cmd/kube-proxy", "cmd/kubemark", "test/e2e/e2e.test"],
  });
  assertEquals(steps.map(({ kind, outputs }) => [kind, ...outputs.map(({ name }) => name)]), [
    ["static", "kubectl", "kube-proxy"],
    ["dynamic", "kubelet", "kubemark"],
    ["test", "e2e.test"],
  ]);
  const [first, second, test] = steps;
  assertEquals(first?.argv.slice(0, 4), ["/go/bin/go", "install", "-installsuffix", "static"]);
  assertEquals(first?.argv.slice(-2), [
    "k8s.io/kubernetes/cmd/kubectl",
    "k8s.io/kubernetes/cmd/kube-proxy",
  ]);
  assertEquals(first?.env["CGO_ENABLED"], "0");
  assertEquals(second?.argv.includes("-installsuffix"), false);
  assertEquals(second?.env["CGO_ENABLED"], "1");
  const { gopath, binPath } = old.context;
  assertEquals(test?.argv.slice(1, 3), ["test", "-c"]);
  assertEquals(test?.argv.slice(-3), [
    "-o",
    `${gopath}/bin/e2e.test`,
    "k8s.io/kubernetes/test/e2e",
  ]);
  assertEquals(test?.outputs[0]?.placed, `${binPath}/linux/amd64/e2e.test`);
});

Deno.test("planBuild() sets the environment of its era", () => {
  const [step] = plan(old, {
    targets: ["cmd/kubectl"],
    context: old.withEnv({ GOBIN: "/elsewhere", GO111MODULE: "on", GOFLAGS: "-v" }),
  });
  const { gopath } = old.context;
  assertEquals(step?.cwd, `${gopath}/src/k8s.io/kubernetes`);
  assertEquals(step?.env["PWD"], step?.cwd);
  assertEquals(step?.env["GO111MODULE"], "off");
  assertEquals(step?.env["GOPATH"], gopath);
  assertEquals(step?.env["GOCACHE"], `${gopath}/cache`);
  assertEquals(step?.env["GOFLAGS"], "-v");
  assertEquals(step?.env["GOBIN"], undefined);
  assert(step?.env["PATH"]?.startsWith(`${gopath}/bin:`));

  const [modular] = plan(workspace, { targets: ["cmd/kubectl"] });
  assertEquals(modular?.cwd, workspace.checkout.root);
  assertEquals(modular?.env["GO111MODULE"], undefined);
  assertEquals(modular?.env["GOPROXY"], "off");
  assertEquals(modular?.env["GOCACHE"], `${workspace.context.gopath}/cache/build`);
});

Deno.test("planBuild() names the files of other platforms as go does", () => {
  const { gopath, binPath } = old.context;
  const table: [string, string, string, string][] = [
    ["linux/amd64", "kubectl", `${gopath}/bin/kubectl`, `${binPath}/linux/amd64/kubectl`],
    [
      "linux/arm64",
      "kubectl",
      `${gopath}/bin/linux_arm64/kubectl`,
      `${binPath}/linux/arm64/kubectl`,
    ],
    [
      "windows/amd64",
      "kubectl.exe",
      `${gopath}/bin/windows_amd64/kubectl.exe`,
      `${binPath}/windows/amd64/kubectl.exe`,
    ],
  ];
  for (const [platform, name, built, placed] of table) {
    const [step] = plan(old, { targets: ["cmd/kubectl"], platform });
    assertEquals(step?.outputs, [{ name, built, placed }]);
  }
});

Deno.test("planBuild() asks Go for build IDs only where go would link anew", () => {
  const targets = ["cmd/kubectl", "test/e2e/e2e.test"];
  const asked = (steps: ReturnType<typeof plan>) =>
    steps.map(({ buildIds }) => buildIds !== undefined);
  assertEquals(asked(plan(old, { targets })), [true, true]);
  assertEquals(asked(plan(workspace, { targets })), [false, true]);
  const context = old.withEnv({ GOLDFLAGS: "-s" });
  assertEquals(asked(plan(old, { targets, context })), [false, true]);
});

Deno.test("platformEnv() chooses cgo and the C compiler as set_platform_envs does", () => {
  const pick = (
    sample: OpenSample,
    platform: string,
    host: string,
    env: Record<string, string> = {},
  ) => {
    const { CGO_ENABLED, CC } = platformEnv(sample.withEnv(env), sample.checkout, platform, host);
    return [CGO_ENABLED, CC];
  };
  const linux = "linux/amd64";
  assertEquals(pick(old, linux, linux), ["1", undefined]);
  assertEquals(pick(old, "linux/arm64", linux), ["1", "aarch64-linux-gnu-gcc"]);
  assertEquals(pick(old, "linux/arm", linux, { KUBE_LINUX_ARM_CC: "my-cc" }), ["1", "my-cc"]);
  assertEquals(pick(old, "darwin/amd64", linux), ["0", undefined]);
  // Up to 1.20 only linux/amd64 hosts have cross compilers.
  assertEquals(pick(old, "linux/s390x", "darwin/arm64"), ["0", undefined]);
  assertEquals(pick(workspace, linux, "darwin/arm64"), ["1", "x86_64-linux-gnu-gcc"]);
  assertEquals(pick(workspace, "linux/arm64", linux), ["1", "aarch64-linux-gnu-gcc"]);
  assertEquals(pick(workspace, "darwin/arm64", linux, { KUBE_DARWIN_ARM64_CC: "oa64-clang" }), [
    "1",
    "oa64-clang",
  ]);
});

Deno.test("isStatic() follows the checkout's list and the overrides", () => {
  const check = (
    name: string,
    options: { env?: Record<string, string>; on?: [string, string] },
  ) => {
    const [platform, host] = options.on ?? ["linux/amd64", "linux/amd64"];
    const context = old.withEnv(options.env ?? {});
    return isStatic(context, old.checkout, `k8s.io/kubernetes/cmd/${name}`, platform, host);
  };
  assertEquals(check("kubectl", {}), true);
  assertEquals(check("kubelet", {}), false);
  assertEquals(check("kubelet", { env: { KUBE_STATIC_OVERRIDES: "a kubelet" } }), true);
  assertEquals(check("kubectl", { env: { KUBE_CGO_OVERRIDES: "kubectl" } }), false);
  assertEquals(check("kubectl", { on: ["darwin/amd64", "darwin/amd64"] }), false);
  assertEquals(check("kubectl", { on: ["darwin/amd64", "linux/amd64"] }), true);
});

Deno.test("schedulePlatforms() fits platforms into memory and processors", () => {
  const gib = 2 ** 30;
  const budget = (amount: number) => ({ bytes: amount * gib, source: "available memory" });
  const table: [number, number, { jobs?: number; threshold: number; cpus: number }, number][] = [
    [5, 64, { threshold: 40, cpus: 8 }, 5],
    [9, 64, { threshold: 40, cpus: 8 }, 8],
    [5, 8, { threshold: 40, cpus: 8 }, 2],
    [5, 2, { threshold: 40, cpus: 8 }, 1],
    [5, 22, { threshold: 20, cpus: 2 }, 2],
    [5, 2, { threshold: 40, cpus: 8, jobs: 3 }, 3],
    [2, 2, { threshold: 40, cpus: 8, jobs: 9 }, 2],
  ];
  for (const [platforms, memory, options, jobs] of table) {
    const schedule = schedulePlatforms(platforms, budget(memory), options);
    assertEquals(schedule.jobs, jobs, JSON.stringify([platforms, memory, options]));
  }
  assertEquals(BYTES_PER_PLATFORM, 4 * gib);
});

Deno.test("binaryName() is the last part of a target", () => {
  assertEquals(binaryName("vendor/k8s.io/kube-aggregator"), "kube-aggregator");
  assertEquals(binaryName("ginkgo"), "ginkgo");
});
