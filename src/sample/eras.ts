import type { EraParameter } from "./types.ts";

/** The four groups of platforms of `hack/lib/golang.sh`. */
export interface SamplePlatforms {
  readonly server: readonly string[];
  readonly node: readonly string[];
  readonly client: readonly string[];
  readonly test: readonly string[];
}

/** The target lists of `hack/lib/golang.sh`. */
export interface SampleTargets {
  readonly server: readonly string[];
  readonly serverImage: readonly string[];
  readonly conformanceImage: readonly string[];
  readonly node: readonly string[];
  readonly client: readonly string[];
  readonly test: readonly string[];
  /** Without `test/e2e_node/e2e_node.test`, which the script adds on Linux hosts. */
  readonly serverTest: readonly string[];
}

/** What one sample is made from: the facts that differ from era to era. */
export interface EraFacts {
  readonly era: EraParameter;
  /** Tag of HEAD. */
  readonly version: string;
  /** Tags of earlier commits, oldest first. */
  readonly earlier: readonly [alpha: string, released: string];
  readonly branch: string;
  /** Time of the first commit: seconds since 1970. */
  readonly firstCommit: number;
  readonly goMode: "gopath" | "workspace";
  /** Of go.mod and go.work. */
  readonly goDirective: string;
  /** `minimum_go_version` of `kube::golang::verify_go_version`, without `go`. */
  readonly minimumGo: string;
  /** `.go-version`. */
  readonly pinnedGo?: string;
  /** `build/build-image/cross/VERSION`. */
  readonly crossVersion: string;
  /** The registry of released images. */
  readonly registry: string;
  readonly platforms: SamplePlatforms;
  readonly targets: SampleTargets;
  /** `KUBE_STATIC_LIBRARIES`, later `KUBE_STATIC_BINARIES`. */
  readonly staticArray: string;
  readonly statics: readonly string[];
  /** Default of `KUBE_PARALLEL_BUILD_MEMORY`, in GiB. */
  readonly parallelMemory: string;
  /** `KUBE_BUILD_CONFORMANCE` when unset. */
  readonly buildConformance: "y" | "n";
  /** Import paths that take `-X path.gitVersion=…`, as `kube::version::ldflags` writes them. */
  readonly versionPackages: readonly string[];
  /** Folder of the conformance image. */
  readonly conformanceDir: string;
  /** The staging repositories, `k8s.io/<name>`. */
  readonly staging: readonly string[];
}

const LINUX_20 = ["linux/amd64", "linux/arm", "linux/arm64", "linux/s390x", "linux/ppc64le"];
const LINUX_35 = LINUX_20.filter((platform) => platform !== "linux/arm");

const STAGING = [
  "api",
  "apiextensions-apiserver",
  "apimachinery",
  "client-go",
  "code-generator",
  "component-base",
  "kube-aggregator",
  "kubectl",
  "mount-utils",
  "sample-apiserver",
];

/** Kubernetes v1.20.2: hack/lib/golang.sh:24-330, build/common.sh:95-108. */
const ERA_120: EraFacts = {
  era: "1.20",
  version: "v1.20.2",
  earlier: ["v1.20.0-alpha.1", "v1.20.1"],
  branch: "release-1.20",
  firstCommit: Date.UTC(2020, 8, 8, 12) / 1000,
  goMode: "gopath",
  goDirective: "1.15",
  minimumGo: "1.15.0",
  crossVersion: "v1.15.5-1",
  registry: "k8s.gcr.io",
  platforms: {
    server: LINUX_20,
    node: [...LINUX_20, "windows/amd64"],
    client: [
      "linux/amd64",
      "linux/386",
      ...LINUX_20.slice(1),
      "darwin/amd64",
      "windows/amd64",
      "windows/386",
    ],
    test: [...LINUX_20, "darwin/amd64", "windows/amd64"],
  },
  targets: {
    server: [
      "cmd/kube-proxy",
      "cmd/kube-apiserver",
      "cmd/kube-controller-manager",
      "cmd/kubelet",
      "cmd/kubeadm",
      "cmd/kube-scheduler",
      "vendor/k8s.io/kube-aggregator",
      "vendor/k8s.io/apiextensions-apiserver",
      "cluster/gce/gci/mounter",
    ],
    serverImage: [
      "cmd/kube-apiserver",
      "cmd/kube-controller-manager",
      "cmd/kube-scheduler",
      "cmd/kube-proxy",
    ],
    conformanceImage: [
      "vendor/github.com/onsi/ginkgo/ginkgo",
      "test/e2e/e2e.test",
      "cluster/images/conformance/go-runner",
      "cmd/kubectl",
    ],
    node: ["cmd/kube-proxy", "cmd/kubeadm", "cmd/kubelet"],
    client: ["cmd/kubectl"],
    test: [
      "cmd/gendocs",
      "cmd/genkubedocs",
      "cmd/genman",
      "cmd/genyaml",
      "cmd/genswaggertypedocs",
      "cmd/linkcheck",
      "vendor/github.com/onsi/ginkgo/ginkgo",
      "test/e2e/e2e.test",
      "cluster/images/conformance/go-runner",
    ],
    serverTest: ["cmd/kubemark", "vendor/github.com/onsi/ginkgo/ginkgo"],
  },
  staticArray: "KUBE_STATIC_LIBRARIES",
  statics: [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubeadm",
    "kubectl",
  ],
  parallelMemory: "40",
  buildConformance: "y",
  versionPackages: [
    "${KUBE_GO_PACKAGE}/vendor/k8s.io/client-go/pkg/version",
    "${KUBE_GO_PACKAGE}/vendor/k8s.io/component-base/version",
  ],
  conformanceDir: "cluster/images/conformance",
  staging: STAGING,
};

/** Kubernetes 1.35 alpha: hack/lib/golang.sh:24-317, build/common.sh:99-157. */
const ERA_135: EraFacts = {
  era: "1.35",
  version: "v1.35.0",
  earlier: ["v1.35.0-alpha.1", "v1.35.0-rc.0"],
  branch: "release-1.35",
  firstCommit: Date.UTC(2025, 9, 1, 12) / 1000,
  goMode: "workspace",
  goDirective: "1.22.0",
  minimumGo: "1.22",
  pinnedGo: "1.25.1",
  crossVersion: "v1.35.0-go1.25.1-bullseye.0",
  registry: "registry.k8s.io",
  platforms: {
    server: LINUX_35,
    node: [...LINUX_35, "windows/amd64"],
    client: [
      "linux/amd64",
      "linux/386",
      ...LINUX_20.slice(1),
      "darwin/amd64",
      "darwin/arm64",
      "windows/amd64",
      "windows/386",
      "windows/arm64",
    ],
    test: [...LINUX_35, "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"],
  },
  targets: {
    server: [
      "cmd/kube-proxy",
      "cmd/kube-apiserver",
      "cmd/kube-controller-manager",
      "cmd/kubelet",
      "cmd/kubeadm",
      "cmd/kube-scheduler",
      "staging/src/k8s.io/component-base/logs/kube-log-runner",
      "staging/src/k8s.io/kube-aggregator",
      "staging/src/k8s.io/apiextensions-apiserver",
      "cluster/gce/gci/mounter",
    ],
    serverImage: [
      "cmd/kube-apiserver",
      "cmd/kube-controller-manager",
      "cmd/kube-scheduler",
      "cmd/kube-proxy",
      "cmd/kubectl",
    ],
    conformanceImage: [
      "ginkgo",
      "test/e2e/e2e.test",
      "test/conformance/image/go-runner",
      "cmd/kubectl",
    ],
    node: [
      "cmd/kube-proxy",
      "cmd/kubeadm",
      "cmd/kubelet",
      "staging/src/k8s.io/component-base/logs/kube-log-runner",
    ],
    client: ["cmd/kubectl", "cmd/kubectl-convert"],
    test: ["ginkgo", "test/e2e/e2e.test", "test/conformance/image/go-runner"],
    serverTest: ["cmd/kubemark", "ginkgo"],
  },
  staticArray: "KUBE_STATIC_BINARIES",
  statics: [
    "apiextensions-apiserver",
    "kube-aggregator",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kube-log-runner",
    "kubeadm",
    "kubectl",
    "kubectl-convert",
    "kubemark",
    "mounter",
  ],
  parallelMemory: "${KUBE_PARALLEL_BUILD_MEMORY:-20}",
  buildConformance: "n",
  versionPackages: ["k8s.io/client-go/pkg/version", "k8s.io/component-base/version"],
  conformanceDir: "test/conformance/image",
  staging: STAGING,
};

const ERAS: Readonly<Record<EraParameter, EraFacts>> = { "1.20": ERA_120, "1.35": ERA_135 };

/** The eras that a sample can be made for, oldest first. */
export const SAMPLE_ERAS: readonly EraParameter[] = Object.freeze(
  Object.keys(ERAS) as EraParameter[],
);

/** The facts of one era. */
export function eraFacts(era: EraParameter): EraFacts {
  return ERAS[era];
}
