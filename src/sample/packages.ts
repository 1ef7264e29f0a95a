/**
 * The Go libraries of the samples: versions, API types, what the generators read and write.
 *
 * @module
 */
import { basename } from "@std/path";
import type { EraFacts } from "./era_facts.ts";
import { deepcopyFile } from "./generators.ts";
import { type ApiPackage, openapiFile, violations } from "./openapi.ts";
import { GO_HEAD } from "./programs.ts";
import { raw } from "./raw.ts";
import { type Tree, under } from "./tree.ts";

const STAGING = "staging/src/k8s.io";

/** The tagged packages: import path, then type, then field with its JSON name. */
export const API_PACKAGES: readonly ApiPackage[] = [
  {
    path: "k8s.io/api/apps/v1",
    types: { Deployment: { Replicas: "replicas", Paused: "paused" } },
    deepcopy: true,
  },
  {
    path: "k8s.io/api/autoscaling/v1",
    types: { Scale: { Replicas: "replicas" } },
    deepcopy: true,
  },
  {
    path: "k8s.io/api/core/v1",
    types: {
      ContainerStatus: { Name: "name", LastTerminationState: "lastState" },
      Pod: { Name: "name", HostIP: "hostIP" },
      Service: { Name: "name", ClusterIP: "clusterIP" },
    },
    deepcopy: true,
  },
  {
    path: "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
    types: { CustomResourceDefinition: { Group: "group", Scope: "scope" } },
    deepcopy: true,
  },
  {
    path: "k8s.io/apimachinery/pkg/apis/meta/v1",
    types: {
      APIResourceList: { GroupVersion: "groupVersion", APIResources: "resources" },
      ObjectMeta: { Name: "name", Namespace: "namespace", UID: "uid" },
    },
    deepcopy: true,
  },
  {
    path: "k8s.io/apimachinery/pkg/runtime",
    types: { TypeMeta: { APIVersion: "apiVersion", Kind: "kind" } },
  },
  {
    path: "k8s.io/code-generator/_examples/apiserver/apis/example/v1",
    types: { TestType: { Blah: "blah" } },
  },
  {
    path: "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1",
    types: { APIService: { Group: "group", Version: "version" } },
    deepcopy: true,
  },
  {
    path: "k8s.io/sample-apiserver/pkg/apis/wardle/v1alpha1",
    types: { Flunder: { Reference: "reference" } },
  },
];

/** `k8s.io/apimachinery/pkg/version`: written by hand, and tagged too. */
const VERSION_PACKAGE: ApiPackage = {
  path: "k8s.io/apimachinery/pkg/version",
  types: {
    Info: {
      Major: "major",
      Minor: "minor",
      GitVersion: "gitVersion",
      GitCommit: "gitCommit",
      GitTreeState: "gitTreeState",
      BuildDate: "buildDate",
      GoVersion: "goVersion",
      Compiler: "compiler",
      Platform: "platform",
    },
  },
};

const TAGGED = [...API_PACKAGES, VERSION_PACKAGE];
const MACHINERY = TAGGED.filter(({ path }) => path.startsWith("k8s.io/apimachinery/"));
const inRepository = (name: string) =>
  TAGGED.filter(({ path }) => path.startsWith(`k8s.io/${name}/`));

/**
 * The openapi targets of `Makefile.generated_files` (T20:557-590): directory of the output, known
 * violations, packages. APIEXTENSIONS lacks its own packages: its filter names a directory that does
 * not exist, in Kubernetes too.
 */
export const OPENAPI_TARGETS: readonly {
  readonly output: string;
  readonly exceptions: string;
  readonly packages: readonly ApiPackage[];
}[] = [
  {
    output: "pkg/generated/openapi",
    exceptions: "violation_exceptions.list",
    packages: TAGGED.filter(({ path }) =>
      !/^k8s\.io\/(code-generator|sample-apiserver)\//.test(path)
    ),
  },
  {
    output: `${STAGING}/kube-aggregator/pkg/generated/openapi`,
    exceptions: "aggregator_violation_exceptions.list",
    packages: [...MACHINERY, ...inRepository("kube-aggregator")],
  },
  {
    output: `${STAGING}/apiextensions-apiserver/pkg/generated/openapi`,
    exceptions: "apiextensions_violation_exceptions.list",
    packages: [...MACHINERY, ...TAGGED.filter(({ path }) => path === "k8s.io/api/autoscaling/v1")],
  },
  {
    output: `${STAGING}/code-generator/_examples/apiserver/openapi`,
    exceptions: "codegen_violation_exceptions.list",
    packages: [...MACHINERY, ...inRepository("code-generator")],
  },
  {
    output: `${STAGING}/sample-apiserver/pkg/generated/openapi`,
    exceptions: "sample_apiserver_violation_exceptions.list",
    packages: [...MACHINERY, ...inRepository("sample-apiserver")],
  },
];

/** All Go libraries in `pkg/` and `staging/`, and what the generators left in git. */
export function packages(facts: EraFacts): Tree {
  const apis = API_PACKAGES.filter((api) => isStaged(facts, api));
  return {
    ...Object.assign({}, ...apis.map(apiPackage)),
    ...openapi(facts),
    ...under(`${STAGING}/apimachinery/pkg/version`, {
      "doc.go": `// +k8s:openapi-gen=true\n\npackage version\n`,
      "types.go": INFO,
    }),
    ...versionPackage(`${STAGING}/client-go/pkg/version`),
    ...(facts.godeps ? versionPackage("pkg/version") : componentBase()),
    [`${verflagFolder(facts)}/verflag.go`]: verflag(facts),
    "pkg/generated/doc.go": `${GO_HEAD}package generated\n`,
    "pkg/generated/openapi/doc.go": `${GO_HEAD}// Package openapi is generated.\npackage openapi\n`,
    ...under("pkg/util/coverage", COVERAGE),
    ...under("pkg/util/slice", SLICE),
    "cmd/genutils/genutils.go": GENUTILS,
  };
}

/** Whether the era has the repository of a package. */
function isStaged({ staging }: EraFacts, { path }: ApiPackage): boolean {
  return staging.includes(path.split("/")[1] ?? "");
}

function componentBase(): Tree {
  return {
    ...versionPackage(`${STAGING}/component-base/version`),
    [`${STAGING}/mount-utils/mount.go`]:
      `${GO_HEAD}package mount\n\n// MountPoint is one line of /proc/mounts.\ntype MountPoint struct {\n\tDevice string\n\tPath   string\n}\n`,
    "pkg/version/doc.go": `${GO_HEAD}package version\n`,
  };
}

function apiPackage({ path, types, deepcopy }: ApiPackage): Tree {
  const name = basename(path);
  const tags = `${deepcopy ? "// +k8s:deepcopy-gen=package\n" : ""}// +k8s:openapi-gen=true\n`;
  const structs = Object.entries(types).map(([type, fields]) =>
    `// ${type} is a type of the API.\ntype ${type} struct {\n${alignedFields(fields)}}\n`
  );
  return under(`staging/src/${path}`, {
    "doc.go": `${tags}\npackage ${name}\n`,
    "types.go": `${GO_HEAD}package ${name}\n\n${structs.join("\n")}`,
    ...(deepcopy ? { "zz_generated.deepcopy.go": deepcopyFile(name, Object.keys(types)) } : {}),
  });
}

/** Struct fields as gofmt aligns them; all are strings. */
function alignedFields(fields: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(fields).map((field) => field.length));
  return Object.entries(fields)
    .map(([field, json]) => `\t${field.padEnd(width)} string \`json:"${json}"\`\n`)
    .join("");
}

/** 1.7 has one file of OpenAPI definitions, outside of git, and no list of violations. */
function openapi({ goMode, godeps }: EraFacts): Tree {
  const files: [string, string][] = [];
  if (godeps) return {};
  for (const { output, exceptions, packages } of OPENAPI_TARGETS) {
    files.push([`api/api-rules/${exceptions}`, violations(packages)]);
    // 1.20 keeps the big one out of git, 1.35 has them all.
    if (goMode === "gopath" && output === "pkg/generated/openapi") continue;
    files.push([`${output}/zz_generated.openapi.go`, openapiFile(packages)]);
  }
  return Object.fromEntries(files);
}

const INFO = raw`${GO_HEAD}package version

// Info says which sources a program was built from, and how.
type Info struct {
${alignedFields(VERSION_PACKAGE.types.Info!)}}

// String returns the version: v1.2.3.
func (info Info) String() string {
	return info.GitVersion
}
`;

function versionPackage(folder: string): Tree {
  return under(folder, {
    ".gitattributes": "base.go export-subst\n",
    "base.go": raw`${GO_HEAD}package version

// The linker sets these (-X); 'git archive' fills in the $Format parts.
var (
	gitMajor string
	gitMinor string

	gitVersion   = "v0.0.0-master+$Format:%H$"
	gitCommit    = "$Format:%H$"
	gitTreeState = ""

	buildDate = "1970-01-01T00:00:00Z"
)
`,
    "version.go": raw`${GO_HEAD}package version

import (
	"runtime"

	apimachineryversion "k8s.io/apimachinery/pkg/version"
)

// Get returns what this program was stamped with.
func Get() apimachineryversion.Info {
	return apimachineryversion.Info{
		Major:        gitMajor,
		Minor:        gitMinor,
		GitVersion:   gitVersion,
		GitCommit:    gitCommit,
		GitTreeState: gitTreeState,
		BuildDate:    buildDate,
		GoVersion:    runtime.Version(),
		Compiler:     runtime.Compiler,
		Platform:     runtime.GOOS + "/" + runtime.GOARCH,
	}
}
`,
  });
}

function verflagFolder({ godeps }: EraFacts): string {
  return godeps ? "pkg/version/verflag" : `${STAGING}/component-base/version/verflag`;
}

const verflag = ({ godeps }: EraFacts): string =>
  raw`${GO_HEAD}// Package verflag answers --version.
package verflag

import (
	"os"

	"${godeps ? "k8s.io/kubernetes/pkg/version" : "k8s.io/component-base/version"}"
)

// PrintAndExitIfRequested prints "program v1.2.3" and ends the program when an argument is
// --version; with --version=raw it prints all that the program was stamped with.
func PrintAndExitIfRequested(program string) {
	for _, argument := range os.Args[1:] {
		switch argument {
		case "--version", "-version":
			os.Stdout.WriteString(program + " " + version.Get().GitVersion + "\n")
			os.Exit(0)
		case "--version=raw":
			info := version.Get()
			os.Stdout.WriteString(program + " " + info.GitVersion +
				"\nmajor: " + info.Major +
				"\nminor: " + info.Minor +
				"\ncommit: " + info.GitCommit +
				"\ntree: " + info.GitTreeState +
				"\ndate: " + info.BuildDate +
				"\nplatform: " + info.Platform + "\n")
			os.Exit(0)
		}
	}
}
`;

const COVERAGE: Tree = {
  "coverage.go": raw`//go:build coverage
// +build coverage

${GO_HEAD}// Package coverage keeps the coverage of programs that run as tests.
package coverage

import "os"

// InitCoverage says which program is measured.
func InitCoverage(name string) {
	os.Setenv("KUBE_COVERAGE_PROGRAM", name)
}

// FlushCoverage writes what was measured.
func FlushCoverage() {}
`,
  "coverage_disabled.go": raw`//go:build !coverage
// +build !coverage

${GO_HEAD}package coverage

// InitCoverage does nothing in a program that is not measured.
func InitCoverage(name string) {}

// FlushCoverage does nothing in a program that is not measured.
func FlushCoverage() {}
`,
};

const SLICE: Tree = {
  "slice.go": raw`${GO_HEAD}// Package slice has helpers for slices of strings.
package slice

// ContainsString says whether a slice holds a string.
func ContainsString(slice []string, s string) bool {
	for _, item := range slice {
		if item == s {
			return true
		}
	}
	return false
}
`,
  "slice_test.go": raw`${GO_HEAD}package slice

import "testing"

func TestContainsString(t *testing.T) {
	if !ContainsString([]string{"a", "b"}, "b") {
		t.Error("b is missing")
	}
	if ContainsString(nil, "b") {
		t.Error("nil holds b")
	}
}
`,
};

const GENUTILS = raw`${GO_HEAD}// Package genutils helps the programs that generate documents.
package genutils

import "os"

// OutDir returns the folder with a separator at its end.
func OutDir(path string) string {
	return path + string(os.PathSeparator)
}
`;
