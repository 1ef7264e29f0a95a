/**
 * The Go programs of the samples: one tiny `main` for each target. They use fmt, os and strings at
 * most, no cgo and no `net`, so that all of them compile in seconds and for every platform.
 *
 * @module
 */
import type { EraFacts } from "./eras.ts";
import { raw } from "./raw.ts";
import type { Tree } from "./tree.ts";

/** First lines of each Go file of the samples. */
export const GO_HEAD = "// Part of kbuild's sample checkout: a small look-alike of Kubernetes.\n\n";

/** A program that says its name and version for `--version`, and does nothing else. */
function program(name: string): string {
  return raw`${GO_HEAD}package main

import (
	"os"

	"k8s.io/component-base/version/verflag"
)

func main() {
	verflag.PrintAndExitIfRequested("${name}")
	os.Stdout.WriteString("${name} is part of a sample and does nothing.\n")
}
`;
}

/** Names in cmd/ whose `main` is plain; Kubernetes' own file names. */
const COMMANDS: Readonly<Record<string, string>> = {
  "cloud-controller-manager": "main.go",
  "gendocs": "gen_kubectl_docs.go",
  "genkubedocs": "gen_kube_docs.go",
  "genman": "gen_kube_man.go",
  "genswaggertypedocs": "swagger_type_docs.go",
  "genyaml": "gen_kubectl_yaml.go",
  "kube-controller-manager": "controller-manager.go",
  "kube-proxy": "proxy.go",
  "kube-scheduler": "scheduler.go",
  "kubeadm": "kubeadm.go",
  "kubelet": "kubelet.go",
  "kubemark": "hollow-node.go",
  "linkcheck": "links.go",
};

/** Every `main` package that is not a generator. */
export function programs(facts: EraFacts): Tree {
  const commands = Object.entries(COMMANDS).map(([name, file]) =>
    [`cmd/${name}/${file}`, program(name)] as const
  );
  const workspace: Tree = {
    "cmd/kubectl-convert/kubectl-convert.go": program("kubectl-convert"),
    "staging/src/k8s.io/component-base/logs/kube-log-runner/kube-log-runner.go": program(
      "kube-log-runner",
    ),
  };
  return {
    ...Object.fromEntries(commands),
    "cmd/kube-apiserver/apiserver.go": APISERVER,
    "cmd/kubectl/kubectl.go": kubectl(facts),
    "cluster/gce/gci/mounter/mounter.go": MOUNTER,
    [`${facts.conformanceDir}/go-runner/main.go`]: program("go-runner"),
    "staging/src/k8s.io/apiextensions-apiserver/main.go": program("apiextensions-apiserver"),
    "staging/src/k8s.io/kube-aggregator/main.go": program("kube-aggregator"),
    ...endToEnd(facts),
    ...ginkgo(facts),
    ...(facts.goMode === "workspace" ? workspace : {}),
  };
}

const APISERVER = raw`${GO_HEAD}package main

import (
	"fmt"

	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

func main() {
	verflag.PrintAndExitIfRequested("kube-apiserver")
	fmt.Println("kube-apiserver knows", len(openapi.GetOpenAPIDefinitions()), "types and serves none.")
}
`;

function kubectl({ goMode }: EraFacts): string {
  const [greeting, show] = goMode === "gopath"
    ? [raw`string(generated.MustAsset("translations/kubectl/en_US/greeting.txt"))`, "%#v"]
    : ["i18n.Greeting", "%s"];
  const value = goMode === "gopath" ? "info" : "info.GitVersion";
  const library = goMode === "gopath"
    ? "k8s.io/kubectl/pkg/generated"
    : "k8s.io/kubectl/pkg/util/i18n";
  return raw`${GO_HEAD}package main

import (
	"fmt"
	"os"

	"k8s.io/client-go/pkg/version"
	"k8s.io/component-base/version/verflag"
	"${library}"
)

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

function testMain(name: string, imports: string, body: string): string {
  return raw`import (
	"fmt"
	"os"
	"testing"

	"k8s.io/component-base/version/verflag"
${imports})

func TestMain(m *testing.M) {
	verflag.PrintAndExitIfRequested("${name}")
	os.Exit(m.Run())
}

func TestE2E(t *testing.T) {
${body}}
`;
}

function endToEnd({ goMode }: EraFacts): Tree {
  const manifest = "test/e2e/testing-manifests/guestbook/frontend-service.yaml";
  const [imports, read] = goMode === "gopath"
    ? [
      `\t"k8s.io/kubernetes/test/e2e/generated"\n`,
      `\tmanifest := generated.ReadOrDie("${manifest}")\n`,
    ]
    : [
      `\te2etestingmanifests "k8s.io/kubernetes/test/e2e/testing-manifests"\n`,
      `\tmanifest, err := e2etestingmanifests.GetE2ETestingManifestsFS().ReadFile("guestbook/frontend-service.yaml")\n` +
      `\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n`,
    ];
  const files: Tree = {
    "test/e2e/e2e.go":
      `${GO_HEAD}// Package e2e holds the end-to-end tests of the sample.\npackage e2e\n`,
    "test/e2e/e2e_test.go": `${GO_HEAD}package e2e\n\n` +
      testMain(
        "e2e.test",
        imports,
        `${read}\tfmt.Println("read", len(manifest), "bytes of a manifest")\n`,
      ),
    "test/e2e_node/doc.go":
      `${GO_HEAD}// Package e2enode holds the node tests of the sample.\npackage e2enode\n`,
    "test/e2e_node/e2e_node_suite_test.go": `${GO_HEAD}package e2enode\n\n` +
      testMain("e2e_node.test", "", `\tfmt.Println("no node is tested")\n`),
  };
  if (goMode === "gopath") {
    return {
      ...files,
      "test/e2e/generated/gobindata_util.go": raw`${GO_HEAD}package generated

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
  const workspace = goMode === "workspace";
  const path = workspace ? "github.com/onsi/ginkgo/v2" : "github.com/onsi/ginkgo";
  const version = workspace ? "2.27.2" : "1.11.0";
  const folder = workspace ? "types" : "config";
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
