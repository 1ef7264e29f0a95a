import { assertEquals, assertThrows } from "@std/assert";
import type { GoBuild, GoModule } from "../../src/audit/mod.ts";
import { parseGoBuild } from "../../src/audit/go_binary.ts";
import { KbuildError } from "../../src/errors.ts";
import {
  linkedModules,
  type ListedModule,
  moduleDifferences,
  type ModuleList,
  modulesOfProgram,
  plainImport,
} from "../../src/sbom/mod.ts";

const MAIN = "k8s.io/kubernetes/cmd/kubectl";
const listed = (path: string, version: string, origin: ListedModule["origin"]): ListedModule => (
  { path, version, origin }
);
const LIST: readonly ListedModule[] = [
  listed("github.com/new/fork", "v1.2.0", "vendor"),
  listed("github.com/pkg/errors", "v0.9.1", "vendor"),
  listed("k8s.io/api", "v0.20.2", "staging"),
  listed("k8s.io/kubernetes", "v1.20.2", "main"),
  listed("stdlib", "go1.19.8", "go"),
];
const dep = (path: string, version: string, to?: Omit<GoModule, "replacement" | "sum">) => (
  { path, version, sum: "", ...to === undefined ? {} : { replacement: { ...to, sum: "" } } }
);
const BUILD: GoBuild = {
  ...{ version: "go1.19.8", path: MAIN, module: "k8s.io/kubernetes (devel)", settings: {} },
  modules: [
    dep("github.com/old/fork", "v1.0.0", { path: "github.com/new/fork", version: "v1.2.0" }),
    dep("github.com/pkg/errors", "v0.9.1"),
    dep("k8s.io/api", "v0.0.0", { path: "./staging/src/k8s.io/api", version: "(devel)" }),
  ],
};

Deno.test("moduleDifferences() holds a list against the build information", () => {
  const cases: [Partial<GoBuild>, readonly string[]][] = [
    [{}, []],
    // A workspace's modules have no replacement.
    [{ modules: [...BUILD.modules.slice(0, 2), dep("k8s.io/api", "(devel)")] }, []],
    // A GOPATH has no modules; the main package is compared alone.
    [{ module: "", modules: [] }, []],
    [
      { module: "", modules: [], path: "k8s.io/kubernetes/cmd/kube-proxy" },
      [`it is program k8s.io/kubernetes/cmd/kube-proxy, listed as ${MAIN}`],
    ],
    [
      { modules: [...BUILD.modules.slice(0, 1), dep("github.com/pkg/errors", "v0.9.0")] },
      [
        "github.com/pkg/errors v0.9.0 is linked, listed is v0.9.1",
        "k8s.io/api v0.20.2 is listed, and not linked",
      ],
    ],
    [
      { modules: [...BUILD.modules, dep("example.com/new", "v1.0.0")] },
      ["example.com/new v1.0.0 is linked, and not listed"],
    ],
  ];
  for (const [change, want] of cases) {
    assertEquals(moduleDifferences(LIST, MAIN, { ...BUILD, ...change }), want);
  }
});

Deno.test("linkedModules() finds the module of each package, and Go's own", () => {
  const modules: ModuleList = {
    source: "vendor/modules.txt",
    main: LIST[3]!,
    modules: LIST,
    moduleOf: (name) => LIST.find(({ path }) => name.startsWith(path)),
  };
  const packages = [MAIN, "k8s.io/kubernetes/vendor/github.com/pkg/errors", "k8s.io/api/core/v1"];
  assertEquals(
    linkedModules({ packages }, modules, "1.19.8").map(({ path, version }) => `${path} ${version}`),
    [
      ...["github.com/pkg/errors v0.9.1", "k8s.io/api v0.20.2", "k8s.io/kubernetes v1.20.2"],
      "stdlib go1.19.8",
    ],
  );
  const error = assertThrows(
    () => linkedModules({ packages: ["example.com/x"] }, modules, "1.19.8"),
    KbuildError,
  );
  assertEquals(
    error.message,
    'Cannot tell the module of package "example.com/x": not in vendor/modules.txt',
  );
  assertEquals(plainImport("k8s.io/kubernetes/vendor/a/vendor/b/c"), "b/c");
});

Deno.test("modulesOfProgram() reads what Go wrote: sums, replacements, the main module", () => {
  const record = [
    "path\tk8s.io/release/go-runner",
    "mod\tk8s.io/release\tv1.0.0\th1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=",
    "dep\tgithub.com/pkg/errors\tv0.9.1\th1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=",
    "dep\ta.example/x\tv1.0.0\t",
    "=>\tb.example/y\tv2.0.0\th1:x",
    "build\t-compiler=gc",
  ].join("\n");
  const padded = `${"s".repeat(16)}${record}\n${"e".repeat(16)}`;
  const counted = (text: string) =>
    String.fromCharCode(text.length & 0x7f | 0x80, text.length >> 7) + text;
  const text = `\xff Go buildinf:\x08\x02${"\0".repeat(16)}${counted("go1.19.8")}${
    counted(padded)
  }`;
  const go = parseGoBuild(text);
  const sum = "14404bc75cd2db5e28c298f2eeab017a2c5b51192e850030acae54c0b193c2de";
  assertEquals(
    modulesOfProgram({ go }).map(({ path, version, sum }) => [path, version, sum]),
    [
      ["b.example/y", "v2.0.0", undefined],
      ["github.com/pkg/errors", "v0.9.1", sum],
      ["k8s.io/release", "v1.0.0", undefined],
      ["stdlib", "go1.19.8", undefined],
    ],
  );
  assertEquals(modulesOfProgram({ go: undefined }), []);
});
