/**
 * The Go programs of the samples: one tiny `main` for each target. They use fmt, os and strings at
 * most, no cgo and no `net`, so that all of them compile in seconds and for every platform.
 *
 * @module
 */
import { basename } from "@std/path";
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import type { Tree } from "./tree.ts";

/** First lines of each Go file of the samples. */
export const GO_HEAD = "// Part of kbuild's sample checkout: a small look-alike of Kubernetes.\n\n";

/** Import path of the package that answers `--version`. */
function verflag({ godeps }: EraFacts): string {
  return godeps ? "k8s.io/kubernetes/pkg/version/verflag" : "k8s.io/component-base/version/verflag";
}

/** A program that says its name and version for `--version`, and does nothing else. */
function program(name: string, facts: EraFacts): string {
  return raw`${GO_HEAD}package main

import (
	"os"

	"${verflag(facts)}"
)

func main() {
	verflag.PrintAndExitIfRequested("${name}")
	os.Stdout.WriteString("${name} is part of a sample and does nothing.\n")
}
`;
}

/** A program in staging/ of 1.7: what is published alone cannot import k8s.io/kubernetes. */
function stagingProgram(name: string): string {
  return raw`${GO_HEAD}package main

import (
	"os"

	"k8s.io/client-go/pkg/version"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		os.Stdout.WriteString("${name} " + version.Get().GitVersion + "\n")
		return
	}
	os.Stdout.WriteString("${name} is part of a sample and does nothing.\n")
}
`;
}

/** Directories whose `main` is plain; Kubernetes' own file names. */
const COMMANDS: Readonly<Record<string, string>> = {
  "cmd/cloud-controller-manager": "main.go",
  "cmd/gendocs": "gen_kubectl_docs.go",
  "cmd/genkubedocs": "gen_kube_docs.go",
  "cmd/genman": "gen_kube_man.go",
  "cmd/genswaggertypedocs": "swagger_type_docs.go",
  "cmd/genyaml": "gen_kubectl_yaml.go",
  "cmd/kube-controller-manager": "controller-manager.go",
  "cmd/kube-proxy": "proxy.go",
  "cmd/kubeadm": "kubeadm.go",
  "cmd/kubelet": "kubelet.go",
  "cmd/kubemark": "hollow-node.go",
  "cmd/linkcheck": "links.go",
};

const COMMANDS_17: Readonly<Record<string, string>> = {
  "cmd/gke-certificates-controller": "main.go",
  "cmd/hyperkube": "main.go",
  "cmd/mungedocs": "mungedocs.go",
  "federation/cmd/genfeddocs": "gen_fed_docs.go",
  "federation/cmd/kubefed": "kubefed.go",
  "plugin/cmd/kube-scheduler": "scheduler.go",
};

const COMMANDS_RECENT: Readonly<Record<string, string>> = {
  "cmd/kubectl-convert": "kubectl-convert.go",
  "staging/src/k8s.io/component-base/logs/kube-log-runner": "kube-log-runner.go",
};

/** Every `main` package that is not a generator. */
export function programs(facts: EraFacts): Tree {
  const { goMode, godeps, conformanceDir } = facts;
  const plain = Object.entries({
    ...COMMANDS,
    ...(godeps ? COMMANDS_17 : { "cmd/kube-scheduler": "scheduler.go" }),
    ...(goMode === "gopath" ? {} : COMMANDS_RECENT),
    ...(conformanceDir === undefined ? {} : { [`${conformanceDir}/go-runner`]: "main.go" }),
  });
  const commands = plain.map(([folder, file]) =>
    [`${folder}/${file}`, program(basename(folder), facts)] as const
  );
  const staged = ["apiextensions-apiserver", "kube-aggregator"].map((
    name,
  ) => [
    `staging/src/k8s.io/${name}/main.go`,
    godeps ? stagingProgram(name) : program(name, facts),
  ]);
  return {
    ...Object.fromEntries(commands),
    ...Object.fromEntries(staged),
    "cmd/kube-apiserver/apiserver.go": apiserver(facts),
    "cmd/kubectl/kubectl.go": kubectl(facts),
    ...(godeps ? {} : { "cluster/gce/gci/mounter/mounter.go": MOUNTER }),
    ...endToEnd(facts),
    ...ginkgo(facts),
  };
}

function apiserver(facts: EraFacts): string {
  const imports = [verflag(facts), "k8s.io/kubernetes/pkg/generated/openapi"].sort();
  return raw`${GO_HEAD}package main

import (
	"fmt"

${imports.map((path) => `\t"${path}"\n`).join("")})

func main() {
	verflag.PrintAndExitIfRequested("kube-apiserver")
	fmt.Println("kube-apiserver knows", len(openapi.GetOpenAPIDefinitions()), "types and serves none.")
}
`;
}

function kubectl(facts: EraFacts): string {
  const { goMode, godeps } = facts;
  const [greeting, show] = goMode === "gopath"
    ? [raw`string(generated.MustAsset("translations/kubectl/en_US/greeting.txt"))`, "%#v"]
    : ["i18n.Greeting", "%s"];
  const value = goMode === "gopath" ? "info" : "info.GitVersion";
  const library = goMode !== "gopath"
    ? "k8s.io/kubectl/pkg/util/i18n"
    : `${godeps ? "k8s.io/kubernetes" : "k8s.io/kubectl"}/pkg/generated`;
  const imports = ["k8s.io/client-go/pkg/version", library, verflag(facts)].sort();
  return raw`${GO_HEAD}package main

import (
	"fmt"
	"os"

${imports.map((path) => `\t"${path}"\n`).join("")})

func main() {
	verflag.PrintAndExitIfRequested("kubectl")
	if len(os.Args) > 1 && os.Args[1] == "version" {
		info := version.Get()
		fmt.Printf("Client Version: ${show}\n", ${value})
		return
	}
	fmt.Print(${greeting})
}
`;
}

const MOUNTER = raw`${GO_HEAD}// mounter carries no version, as in Kubernetes.
package main

import "os"

func main() {
	os.Stdout.WriteString("mounter is part of a sample and mounts nothing.\n")
}
`;

function testMain(
  name: string,
  options: { readonly imports: readonly string[]; readonly body: string },
): string {
  const imports = options.imports.toSorted((a, b) => path(a) < path(b) ? -1 : 1);
  return raw`import (
	"fmt"
	"os"
	"testing"

${imports.map((line) => `\t${line}\n`).join("")})

func TestMain(m *testing.M) {
	verflag.PrintAndExitIfRequested("${name}")
	os.Exit(m.Run())
}

func TestE2E(t *testing.T) {
${options.body}}
`;
}

/** The path of an import line, which may have a name in front. */
function path(line: string): string {
  return line.slice(line.indexOf('"'));
}

function endToEnd(facts: EraFacts): Tree {
  const { goMode, godeps } = facts;
  const manifest = "test/e2e/testing-manifests/guestbook/frontend-service.yaml";
  const own = `"${verflag(facts)}"`;
  const [imported, read] = goMode === "gopath"
    ? [
      `"k8s.io/kubernetes/test/e2e/generated"`,
      `\tmanifest := generated.ReadOrDie("${manifest}")\n`,
    ]
    : [
      `e2etestingmanifests "k8s.io/kubernetes/test/e2e/testing-manifests"`,
      `\tmanifest, err := e2etestingmanifests.GetE2ETestingManifestsFS().ReadFile("guestbook/frontend-service.yaml")\n` +
      `\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n`,
    ];
  const files: Tree = {
    "test/e2e/e2e.go":
      `${GO_HEAD}// Package e2e holds the end-to-end tests of the sample.\npackage e2e\n`,
    "test/e2e/e2e_test.go": `${GO_HEAD}package e2e\n\n` +
      testMain("e2e.test", {
        imports: [own, imported],
        body: `${read}\tfmt.Println("read", len(manifest), "bytes of a manifest")\n`,
      }),
    "test/e2e_node/doc.go":
      `${GO_HEAD}// Package e2enode holds the node tests of the sample.\npackage e2enode\n`,
    "test/e2e_node/e2e_node_suite_test.go": `${GO_HEAD}package e2enode\n\n` +
      testMain("e2e_node.test", {
        imports: [own],
        body: `\tfmt.Println("no node is tested")\n`,
      }),
  };
  if (goMode === "gopath") {
    return {
      ...files,
      "test/e2e/generated/gobindata_util.go": raw`${GO_HEAD}package generated
${godeps ? "\n//go:generate ../../../hack/generate-bindata.sh\n" : ""}
// ReadOrDie returns a file of the checkout that bindata.go holds.
func ReadOrDie(filePath string) []byte {
	return MustAsset(filePath)
}
`,
      "test/e2e/generated/main.go":
        `${GO_HEAD}// Package generated gets its bindata.go from hack/generate-bindata.sh.\npackage generated\n`,
    };
  }
  return {
    ...files,
    "test/e2e/testing-manifests/embed.go": raw`${GO_HEAD}package e2etestingmanifests

import "embed"

//go:embed flexvolume guestbook pod
var e2eTestingManifestsFS embed.FS

// GetE2ETestingManifestsFS returns the manifests of this folder.
func GetE2ETestingManifestsFS() embed.FS {
	return e2eTestingManifestsFS
}
`,
  };
}

function ginkgo({ goMode }: EraFacts): Tree {
  const recent = goMode !== "gopath";
  const path = recent ? "github.com/onsi/ginkgo/v2" : "github.com/onsi/ginkgo";
  const version = recent ? "2.27.2" : "1.11.0";
  const folder = recent ? "types" : "config";
  return {
    [`vendor/${path}/LICENSE`]: "Stands in for a third-party license in kbuild's sample.\n",
    [`vendor/${path}/${folder}/version.go`]:
      `${GO_HEAD}package ${folder}\n\n// VERSION is ginkgo's own version.\nconst VERSION = "${version}"\n`,
    [`vendor/${path}/ginkgo/main.go`]: raw`${GO_HEAD}package main

import (
	"os"

	"${path}/${folder}"
)

func main() {
	os.Stdout.WriteString("Ginkgo Version " + ${folder}.VERSION + "\n")
}
`,
  };
}
