import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { dirname } from "@std/path";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { type Checkout, type GoCallInputs, readGoCalls } from "../../src/checkout/mod.ts";
import {
  adjustCall,
  binaryName,
  type BuildPlan,
  BYTES_PER_PLATFORM,
  commandTargets,
  currentGoCorrections,
  goPackages,
  hostGoEnv,
  planBuild,
  schedulePlatforms,
  selectTargets,
  tableGoCalls,
  workspaceModules,
} from "../../src/lib/golang/mod.ts";
import type { KubeContext } from "../../src/lib/init.ts";
import type { GoTool } from "../../src/toolchain/mod.ts";
import { type OpenSample, openSample } from "./_open.ts";

const old = await openSample("1.20");
const workspace = await openSample("1.35");
globalThis.addEventListener("unload", () => {
  for (const { context } of [old, workspace]) {
    Deno.removeSync(dirname(context.root), { recursive: true });
  }
});

function goTool(host: string): GoTool {
  return { path: "/go/bin/go", description: "", version: "1.19.8", devel: false, host };
}

interface PlanOptions {
  context?: KubeContext;
  checkout?: Checkout;
  targets: readonly string[];
  platform?: string;
  host?: string;
  go?: GoTool;
  goflags?: readonly string[];
  modules?: ReadonlyMap<string, string>;
}

function wholePlan(sample: OpenSample, options: PlanOptions): BuildPlan {
  const { context = sample.context, checkout = sample.checkout } = options;
  const { targets, platform = "linux/amd64", host = "linux/amd64" } = options;
  const { go = goTool(host), goflags = [], modules = new Map() } = options;
  const request = { matrix: [{ platform, targets }], goflags };
  return planBuild(context, checkout, request, { go, versionLdflags: "-X 'a.b=c'", modules });
}

function plan(sample: OpenSample, options: PlanOptions): BuildPlan["platforms"][number]["steps"] {
  return wholePlan(sample, options).platforms[0]?.steps ?? [];
}

/** The sample as a fork has it whose golang.sh is a Git LFS pointer. */
function withoutScripts({ checkout }: OpenSample): Checkout {
  return unreadable(checkout);
}

function unreadable(checkout: Checkout): Checkout {
  return {
    ...checkout,
    scripts: checkout.scripts.filter(({ path }) => path !== "hack/lib/golang.sh"),
    refusals: ["hack/lib/golang.sh: A Git LFS pointer; what it would say is from the table"],
  };
}

Deno.test("selectTargets() resolves names, directories and flags as make's WHAT", async () => {
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
    [["./cmd/kubectl"], ["./cmd/kubectl"], []],
    [["cmd/..."], ["cmd/..."], []],
    [["./..."], ["./..."], []],
    [["k8s.io/kubernetes/cmd/..."], ["k8s.io/kubernetes/cmd/..."], []],
    [["ginkgo"], ["vendor/github.com/onsi/ginkgo/ginkgo"], []],
    [["staging/src/k8s.io/kube-aggregator"], ["staging/src/k8s.io/kube-aggregator"], []],
    [["github.com/else/where"], ["github.com/else/where"], []],
    [[`${old.checkout.root}/cmd/kubectl/`], ["cmd/kubectl"], []],
  ];
  for (const [words, targets, goflags] of table) {
    const selection = await selectTargets(old.checkout, words);
    assertEquals(selection, { targets, goflags }, words.join("|"));
  }
  const { targets } = await selectTargets(workspace.checkout, ["ginkgo"]);
  assertEquals(goPackages(workspace.checkout, targets, new Map()), {
    packages: ["github.com/onsi/ginkgo/v2/ginkgo"],
  });
});

Deno.test("selectTargets() knows the directories of programs that 1.7 had", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-golang-" });
  try {
    for (const path of ["cmd/kubectl", "plugin/cmd/scheduler", "federation/cmd/fed", "cmd/lib"]) {
      await Deno.mkdir(`${root}/${path}`, { recursive: true });
    }
    const checkout = { ...old.checkout, root };
    assertEquals((await selectTargets(checkout, ["scheduler fed", "federation/cmd/fed"])).targets, [
      "plugin/cmd/scheduler",
      "federation/cmd/fed",
    ]);
    assertEquals(Object.fromEntries(await commandTargets(root)), {
      fed: "federation/cmd/fed",
      kubectl: "cmd/kubectl",
      lib: "cmd/lib",
      scheduler: "plugin/cmd/scheduler",
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("selectTargets() takes every target of the checkout when none is named", async () => {
  const { targets } = await selectTargets(old.checkout, ["-v"]);
  assertEquals(targets, [...new Set(old.checkout.targets.all.value)]);
  assert(targets.includes("test/e2e_node/e2e_node.test"));
});

Deno.test("selectTargets() names the nearest target", async () => {
  const table: [string, string][] = [
    ["cmd/kubctl", "cmd/kubectl"],
    ["kubctl", "kubectl"],
    ["k8s.io/kubernetes/cmd/kubctl", "k8s.io/kubernetes/cmd/kubectl"],
    ["test/e3e/e2e.test", "test/e2e/e2e.test"],
  ];
  for (const [word, nearest] of table) {
    const error = await assertRejects(() => selectTargets(old.checkout, [word]), UsageError);
    assertStringIncludes(error.message, `Unknown target "${word}"`);
    assertStringIncludes(error.notes.join("\n"), `"${nearest}"`);
  }
});

Deno.test("goPackages() writes GOPATH packages as binaries_from_targets does", () => {
  const targets = ["cmd/kubectl", "vendor/k8s.io/kube-aggregator", "./vendor/a/b", "k8s.io/x/y"];
  const packages = [
    "k8s.io/kubernetes/cmd/kubectl",
    "k8s.io/kubernetes/vendor/k8s.io/kube-aggregator",
    "k8s.io/kubernetes/./vendor/a/b",
    "k8s.io/x/y",
  ];
  assertEquals(goPackages(old.checkout, targets, new Map()), { packages });
  assertEquals(goPackages(unreadable(old.checkout), targets, new Map()), {
    packages,
    why: "hack/lib/golang.sh: A Git LFS pointer",
  });
});

Deno.test("goPackages() writes module packages of 1.26-1.29, which have no workspace", () => {
  const era = { ...workspace.checkout.era, name: "modules", goMode: "modules" } as const;
  const targets = ["staging/src/k8s.io/kube-aggregator", "vendor/k8s.io/kube-aggregator", "ginkgo"];
  const packages = ["k8s.io/kube-aggregator", "github.com/onsi/ginkgo/v2/ginkgo"];
  const checkout = { ...workspace.checkout, era };
  assertEquals(goPackages(checkout, targets, new Map()), { packages });
  assertEquals(goPackages(unreadable(checkout), targets, new Map()).packages, packages);
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
  const packages = [
    "k8s.io/kubernetes/cmd/kubectl",
    "k8s.io/kubernetes/cmd/kubelet",
    "k8s.io/kube-aggregator",
    "github.com/onsi/ginkgo/v2/ginkgo",
    "k8s.io/kubernetes/test/e2e/e2e.test",
  ];
  assertEquals(goPackages(workspace.checkout, targets, modules), { packages });
  assertEquals(goPackages(unreadable(workspace.checkout), targets, modules).packages, packages);
});

Deno.test("planBuild() gives go the flags of the checkout's scripts", () => {
  const { root } = old.checkout;
  const words = (
    sample: OpenSample,
    env: Record<string, string>,
    options?: { strictParity?: boolean },
  ) => {
    const context = sample.withEnv(env, options);
    return plan(sample, { targets: ["cmd/kubelet"], context })[0]?.argv.slice(2, -1) ?? [];
  };
  assertEquals(words(old, {}), [
    "-gcflags",
    ` -trimpath=${root}`,
    "-asmflags",
    `-trimpath=${root}`,
    "-ldflags",
    "-s -w -buildid= -X 'a.b=c'",
    "-tags",
    "selinux,notest,",
  ]);
  assertEquals(words(old, { GOLDFLAGS: "" })[5], " -X 'a.b=c'");
  assertEquals(words(old, { GOGCFLAGS: "-N -l" })[1], `-N -l -trimpath=${root}`);
  assertEquals(words(old, { GOFLAGS: "-v -tags=foo,bar" })[7], "selinux,notest,foo,bar");
  // 1.20 pastes a GOFLAGS without -tags= whole: a bug that only --strict-parity brings back.
  assertEquals(words(old, { GOFLAGS: "-v" })[7], "selinux,notest,");
  assertEquals(words(old, { GOFLAGS: "-v" }, { strictParity: true })[7], "selinux,notest,-v");

  assertEquals(words(workspace, {}), [
    "-trimpath",
    "-gcflags=",
    "-ldflags=all=-X 'a.b=c'  -s -w",
    "-tags=selinux,notest,grpcnotrace,",
  ]);
  const static_ = words(workspace, { GOLDFLAGS: "-linkmode external" });
  assertEquals(static_[2], "-ldflags=all=-X 'a.b=c' -linkmode external -s -w");
  assertEquals(words(workspace, { DBG: "1" }), [
    "-gcflags= all=-N -l",
    "-ldflags=all=-X 'a.b=c' ",
    "-tags=selinux,notest,",
  ]);
});

Deno.test("planBuild() says where a start comes from, and falls back to the built-in table", () => {
  const targets = ["cmd/kubectl", "cmd/kubelet", "test/e2e/e2e.test"];
  for (const sample of [old, workspace]) {
    const read = wholePlan(sample, { targets });
    assertEquals(read.notes, []);
    for (const { source } of read.platforms[0]?.steps ?? []) {
      assertMatch(source, /^hack\/lib\/golang\.sh:\d+$/);
    }
    const table = wholePlan(sample, { targets, checkout: withoutScripts(sample) });
    assertEquals(table.notes, [
      "Packages and flags for go are from the built-in table: hack/lib/golang.sh: A Git LFS pointer",
    ]);
    const commands = ({ platforms }: BuildPlan) =>
      platforms[0]?.steps.map(({ argv, env, cwd, outputs }) => ({ argv, env, cwd, outputs }));
    assertEquals(commands(table), commands(read));
  }
});

Deno.test("planBuild() leaves no target out when a fork's scripts start no go for it", () => {
  const scripts = old.checkout.scripts.map(({ path, text }) => ({
    path,
    text: text.replace(
      /^kube::golang::build_binaries_for_platform\(\) \{$/m,
      (line) => `${line}\n  binaries=("\${binaries[0]}")`,
    ),
  }));
  const checkout = { ...old.checkout, scripts };
  const targets = ["cmd/kubectl", "cmd/kubelet"];
  const { platforms, notes } = wholePlan(old, { targets, checkout });
  assertEquals(notes, [
    "Flags for go are from the built-in table: hack/lib/golang.sh: " +
    'no go is started for "k8s.io/kubernetes/cmd/kubelet"',
  ]);
  assertEquals(platforms[0]?.steps.flatMap(({ outputs }) => outputs.map(({ name }) => name)), [
    "kubectl",
    "kubelet",
  ]);
});

Deno.test("tableGoCalls() says what the scripts of the sample say", () => {
  const settings: Partial<GoCallInputs>[] = [
    {},
    { platform: "linux/arm64" },
    { platform: "windows/amd64" },
    { platform: "darwin/amd64" },
    { host: "darwin/amd64", platform: "darwin/amd64" },
    { host: "darwin/arm64", platform: "linux/s390x" },
    { goflags: ["-v", "-x"] },
    { variables: { GOLDFLAGS: "" } },
    { variables: { GOLDFLAGS: "-linkmode external", GOGCFLAGS: "-m" } },
    { variables: { GOFLAGS: "-v -tags=one,two" } },
    { variables: { KUBE_STATIC_OVERRIDES: "a kubelet", KUBE_CGO_OVERRIDES: "kubectl" } },
    { variables: { KUBE_RACE: "-race" } },
    { platform: "linux/arm64", variables: { KUBE_LINUX_ARM64_CC: "my-cc" } },
  ];
  const packages = ["cmd/kubectl", "cmd/kubelet", "test/e2e/e2e.test"]
    .map((target) => `k8s.io/kubernetes/${target}`);
  for (const { checkout } of [old, workspace]) {
    // 1.20 has no DBG.
    const debug = checkout === old.checkout ? [] : [{ variables: { DBG: "1" } }];
    for (const setting of [...settings, ...debug]) {
      const inputs: GoCallInputs = {
        platform: "linux/amd64",
        host: "linux/amd64",
        packages,
        goflags: [],
        variables: {},
        versionLdflags: "-X 'a.b=c'",
        gopath: "/gopath",
        cwd: checkout.root,
        ...setting,
      };
      const read = readGoCalls(checkout, inputs);
      assert("calls" in read, JSON.stringify(read));
      const plain = (calls: typeof read.calls) =>
        calls.map(({ argv, env, makes }) => {
          const { CC, ...rest } = env as Record<string, string>;
          return { argv, makes, env: env["CGO_ENABLED"] === "0" || CC === undefined ? rest : env };
        });
      const message = `${checkout.era.name} ${JSON.stringify(setting)}`;
      assertEquals(plain(tableGoCalls(checkout, inputs)), plain(read.calls), message);
    }
  }
});

Deno.test("adjustCall() changes what kbuild does otherwise than the scripts", () => {
  const inputs = {
    platform: "linux/amd64",
    host: "linux/amd64",
    variables: {},
    trimmed: ["/a b", "/c"],
    strictParity: false,
    trimPaths: false,
  };
  const adjust = (argv: string[], more: Partial<typeof inputs> = {}) =>
    adjustCall({ argv, env: {}, makes: [], source: "" }, { ...inputs, ...more }).argv;
  // go divides at white space; its patterns need a dash first.
  assertEquals(adjust(["install", "-gcflags", " -trimpath=/a b", "-asmflags=-trimpath=/a b"]), [
    "install",
    "-gcflags",
    " -trimpath= '-trimpath=/a b'",
    "-asmflags=-trimpath= '-trimpath=/a b'",
  ]);
  assertEquals(adjust(["install", "-gcflags=all=-trimpath=/a b -m"]), [
    "install",
    "-gcflags=all='-trimpath=/a b' -m",
  ]);
  assertEquals(adjust(["install", "-asmflags", "-trimpath=/it's a"], { trimmed: ["/it's a"] }), [
    "install",
    "-asmflags",
    '-trimpath= "-trimpath=/it\'s a"',
  ]);
  assertEquals(adjust(["install", "-gcflags", "-N -trimpath=/c"]), [
    "install",
    "-gcflags",
    "-N -trimpath=/c",
  ]);
  // Test binaries go without it; 1.7's -i is gone from Go.
  assertEquals(adjust(["test", "-i", "-c", "-gcflags", "-N -trimpath=/c", "-o", "x", "y"]), [
    ...["test", "-c", "-gcflags", "-N", "-o", "x", "y"],
  ]);
  assertEquals(adjust(["test", "-c", "-gcflags=all=-trimpath=/c "]), ["test", "-c", "-gcflags="]);
  const trim = { trimPaths: true };
  assertEquals(
    adjust(["install", "-gcflags", " -trimpath=/c", "-asmflags=all=-trimpath=/a b"], trim),
    [
      ...["install", "-trimpath", "-gcflags", "", "-asmflags="],
    ],
  );
  assertEquals(adjust(["install", "-trimpath", "-gcflags=all=-trimpath=/c -N -l"], trim), [
    ...["install", "-trimpath", "-gcflags=all= -N -l"],
  ]);
  const strict = { strictParity: true };
  assertEquals(adjust(["test", "-gcflags= -trimpath=/c"], strict), [
    ...["test", "-gcflags= -trimpath=/c"],
  ]);

  const env = (platform: string, given: Record<string, string>, variables = {}) =>
    adjustCall({ argv: [], env: given, makes: [], source: "" }, { ...inputs, platform, variables })
      .env;
  assertEquals(env("linux/amd64", {}), { CGO_ENABLED: "1" });
  assertEquals(env("linux/amd64", {}, { CGO_ENABLED: "0" }), { CGO_ENABLED: "0" });
  assertEquals(env("darwin/amd64", {}), { CGO_ENABLED: "0" });
  assertEquals(env("linux/arm64", { CGO_ENABLED: "1", CC: "x" }), { CGO_ENABLED: "1", CC: "x" });
  assertEquals(env("linux/arm64", { CGO_ENABLED: "0", CC: "x" }), { CGO_ENABLED: "0" });
});

Deno.test("planBuild() makes coverage binaries without a file in the source tree", () => {
  const env = { KUBE_BUILD_WITH_COVERAGE: "y" };
  for (const sample of [old, workspace]) {
    const context = sample.withEnv(env);
    const targets = ["cmd/kube-apiserver", "cmd/kubectl"];
    const go = { ...goTool("linux/amd64"), version: "1.16" };
    const steps = plan(sample, { targets, context, go });
    const covered = steps.find(({ argv }) => argv.includes("-coverpkg"));
    assert(covered !== undefined);
    const directory = `${context.output}/.kbuild/overlay`;
    const name = "coverage-kube-apiserver";
    const flags = ["-overlay", `${directory}/${name}.json`, "-vet=off"];
    assertEquals(covered.argv.slice(1, 5), ["test", ...flags]);
    assertEquals(covered.outputs.map(({ name }) => name), ["kube-apiserver"]);
    assertEquals(covered.buildIds, undefined);
    const [source, overlay] = covered.files;
    assertMatch(source?.text ?? "", /^package main\n[^$]*"kube-apiserver"[^$]*$/);
    const place = `${covered.cwd}/cmd/kube-apiserver/zz_generated_kube-apiserver_test.go`;
    assertEquals(overlay?.path, `${directory}/${name}.json`);
    assertEquals(JSON.parse(overlay?.text ?? ""), { Replace: { [place]: source?.path } });
    const other = steps.find(({ argv }) => !argv.includes("-coverpkg"));
    assertEquals(other?.outputs.map(({ name }) => name), ["kubectl"]);

    const old_ = { ...go, version: "1.15.5" };
    const error = assertThrows(() => plan(sample, { targets, context, go: old_ }), KbuildError);
    assertEquals(error.message, "Cannot build with coverage with Go 1.15.5");
  }
});

Deno.test("currentGoCorrections() corrects an alphabet with a character twice, for Go 1.22 and later", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-golang-" });
  const checkout = { ...old.checkout, root };
  const place = "vendor/github.com/ugorji/go/codec/gen.go";
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const line = (end: string) => `var x = base64.NewEncoding("${letters}${end}")\n`;
  try {
    assertEquals(
      await currentGoCorrections(checkout, { ...goTool("linux/amd64"), version: "1.26.1" }),
      [],
    );
    await Deno.mkdir(`${root}/vendor/github.com/ugorji/go/codec`, { recursive: true });
    await Deno.writeTextFile(`${root}/${place}`, line("__"));
    const go = (version: string) => ({ ...goTool("linux/amd64"), version });
    assertEquals(await currentGoCorrections(checkout, go("1.21.13")), []);
    const corrections = await currentGoCorrections(checkout, go("1.26rc1"));
    assertEquals(corrections.map(({ place, text }) => [place, text]), [[place, line("_-")]]);
    const targets = ["cmd/kubectl", "test/e2e/e2e.test"];
    const { platforms, notes } = planBuild(old.context, old.checkout, {
      matrix: [{ platform: "linux/amd64", targets }],
    }, { go: go("1.26.1"), versionLdflags: "", modules: new Map(), corrections });
    assertEquals(notes, corrections.map(({ why }) => why));
    for (const { argv, buildIds, files } of platforms[0]?.steps ?? []) {
      assertEquals(argv[2], "-overlay");
      assertEquals(buildIds?.slice(6, 8), argv.slice(2, 4));
      assertEquals(files.at(-1)?.path, argv[3]);
    }
    await Deno.writeTextFile(`${root}/${place}`, line("-_"));
    assertEquals(await currentGoCorrections(checkout, go("1.26.1")), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("planBuild() reads the scripts of a checkout in a directory with any name", () => {
  for (const sample of [old, workspace]) {
    const root = "/it's a $(x) ü/*";
    const gopath = `${root}/_output/local/go`;
    const context = { ...sample.context, root, gopath, output: `${root}/_output/local` };
    const checkout = { ...sample.checkout, root };
    const { platforms, notes } = wholePlan(sample, {
      context,
      checkout,
      targets: ["cmd/kubectl", "test/e2e/e2e.test"],
    });
    assertEquals(notes, []);
    const [program, test] = platforms[0]?.steps ?? [];
    assertEquals(test?.argv.at(-2), `${gopath}/bin/e2e.test`);
    const at = program?.argv.indexOf("-asmflags") ?? -1;
    if (sample === old) {
      assertEquals(program?.argv[at + 1], `-trimpath= "-trimpath=${root}"`);
    }
  }
});

Deno.test("planBuild() says when KUBE_RACE or coverage change nothing", () => {
  const race = old.withEnv({ KUBE_RACE: "-race" });
  assertEquals(wholePlan(old, { targets: ["cmd/kubelet"], context: race }).notes, [
    'KUBE_RACE="-race" changes nothing here: it is for programs with cgo, from 1.35 on',
  ]);
  const late = workspace.withEnv({ KUBE_RACE: "-race" });
  assertEquals(wholePlan(workspace, { targets: ["cmd/kubelet"], context: late }).notes, []);
  assertEquals(wholePlan(workspace, { targets: ["cmd/kubectl"], context: late }).notes.length, 1);
  const covered = old.withEnv({ KUBE_BUILD_WITH_COVERAGE: "y" });
  assertEquals(wholePlan(old, { targets: ["cmd/kubectl"], context: covered }).notes.length, 1);
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

  // A build cache of the user's own serves every era.
  for (const each of [old, workspace]) {
    const context = each.withEnv({ GOCACHE: "/shared" });
    assertEquals(plan(each, { targets: ["cmd/kubectl"], context })[0]?.env["GOCACHE"], "/shared");
  }
});

Deno.test("hostGoEnv() puts a Go that is not in PATH in front, and leaves it no choice", () => {
  const env = { PATH: "/usr/bin", GOROOT: "/usr/lib/go", GOTOOLCHAIN: "go1.24.3" };
  const [own, other] = [goTool("linux/amd64"), { ...goTool("linux/amd64"), bin: "/go/bin" }];
  for (const { checkout, context: { gopath }, withEnv } of [old, workspace]) {
    const before = hostGoEnv(withEnv(env), checkout, own);
    assertEquals(before["PATH"], `${gopath}/bin:/usr/bin`);
    // A GOROOT of the environment belongs to another Go, or is go's own answer anyway.
    assertEquals([before["GOROOT"], before["GOTOOLCHAIN"]], [undefined, "local"]);
    const after = hostGoEnv(withEnv({ ...env, KBUILD_OFFLINE: "y" }), checkout, other);
    assertEquals(after["PATH"], `/go/bin:${gopath}/bin:/usr/bin`);
    assertEquals([after["GOROOT"], after["GOTOOLCHAIN"]], [undefined, "local"]);
    assertEquals([before["GOPROXY"], after["GOPROXY"]], [undefined, "off"]);
  }
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

Deno.test("planBuild() chooses cgo and the C compiler as set_platform_envs does", () => {
  const pick = (
    sample: OpenSample,
    platform: string,
    host: string,
    env: Record<string, string> = {},
  ) => {
    const context = sample.withEnv(env);
    const [step] = plan(sample, { targets: ["cmd/kubelet"], platform, host, context });
    return [step?.env["CGO_ENABLED"], step?.env["CC"]];
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

Deno.test("planBuild() links statically what the checkout and the overrides name", () => {
  const kind = (
    name: string,
    options: { env?: Record<string, string>; on?: [string, string] } = {},
  ) => {
    const [platform, host] = options.on ?? ["linux/amd64", "linux/amd64"];
    const context = old.withEnv(options.env ?? {});
    return plan(old, { targets: [`cmd/${name}`], platform, host, context })[0]?.kind;
  };
  assertEquals(kind("kubectl"), "static");
  assertEquals(kind("kubelet"), "dynamic");
  assertEquals(kind("kubelet", { env: { KUBE_STATIC_OVERRIDES: "a kubelet" } }), "static");
  assertEquals(kind("kubectl", { env: { KUBE_CGO_OVERRIDES: "kubectl" } }), "dynamic");
  assertEquals(kind("kubectl", { on: ["darwin/amd64", "darwin/amd64"] }), "dynamic");
  assertEquals(kind("kubectl", { on: ["darwin/amd64", "linux/amd64"] }), "static");
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
