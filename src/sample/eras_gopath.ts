import type { EraFacts } from "./era_facts.ts";

/** Server platforms of 1.7 to 1.26. */
export const LINUX: readonly string[] = [
  "linux/amd64",
  "linux/arm",
  "linux/arm64",
  "linux/s390x",
  "linux/ppc64le",
];

/** Client platforms that all eras have. */
export const CLIENTS: readonly string[] = ["linux/amd64", "linux/386", ...LINUX.slice(1)];

/** Programs that every era has in cmd/, in the order of `KUBE_SERVER_TARGETS`. */
export const SERVERS: readonly string[] = [
  "cmd/kube-proxy",
  "cmd/kube-apiserver",
  "cmd/kube-controller-manager",
  "cmd/kubelet",
  "cmd/kubeadm",
  "cmd/kube-scheduler",
];

/** The staging repositories of 1.20 and later that the sample has. */
export const STAGING: readonly string[] = [
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

/** `KUBE_TEST_PORTABLE` of 1.20 and later. */
export const PORTABLE: readonly string[] = [
  "test/e2e/testing-manifests",
  "test/kubemark",
  "hack/e2e-internal",
  "hack/get-build.sh",
  "hack/ginkgo-e2e.sh",
  "hack/lib",
];

const GINKGO = "vendor/github.com/onsi/ginkgo/ginkgo";

/** Kubernetes v1.7.3: hack/lib/golang.sh:25-200, build/common.sh:87-138. */
export const ERA_17: EraFacts = {
  era: "1.7",
  version: "v1.7.3",
  earlier: ["v1.7.0-alpha.1", "v1.7.2"],
  branch: "release-1.7",
  firstCommit: Date.UTC(2017, 4, 8, 12) / 1000,
  goMode: "gopath",
  godeps: true,
  bindMount: false,
  goDirective: "",
  minimumGo: "1.6",
  crossVersion: "v1.8.3-1",
  registry: "gcr.io/google_containers",
  platforms: {
    server: LINUX,
    node: [...LINUX, "windows/amd64"],
    client: [...CLIENTS, "darwin/amd64", "darwin/386", "windows/amd64", "windows/386"],
    test: ["linux/amd64", "darwin/amd64", "windows/amd64"],
  },
  targets: {
    server: [
      ...SERVERS.slice(0, 3),
      "cmd/cloud-controller-manager",
      "cmd/kubelet",
      "cmd/kubeadm",
      "cmd/hyperkube",
      "vendor/k8s.io/kube-aggregator",
      "vendor/k8s.io/apiextensions-apiserver",
      "plugin/cmd/kube-scheduler",
    ],
    serverImage: [
      "cmd/cloud-controller-manager",
      "cmd/kube-apiserver",
      "cmd/kube-controller-manager",
      "plugin/cmd/kube-scheduler",
      "vendor/k8s.io/kube-aggregator",
      "cmd/kube-proxy",
    ],
    conformanceImage: [],
    node: ["cmd/kube-proxy", "cmd/kubelet"],
    client: ["cmd/kubectl", "federation/cmd/kubefed"],
    test: [
      "cmd/gendocs",
      "cmd/genkubedocs",
      "cmd/genman",
      "cmd/genyaml",
      "cmd/mungedocs",
      "cmd/genswaggertypedocs",
      "cmd/linkcheck",
      "federation/cmd/genfeddocs",
      GINKGO,
      "test/e2e/e2e.test",
    ],
    serverTest: ["cmd/kubemark", GINKGO],
    others: ["cmd/gke-certificates-controller"],
  },
  testPortable: [
    "test/e2e/testing-manifests",
    "test/kubemark",
    "federation/develop",
    "hack/e2e.go",
    "hack/e2e-internal",
    "hack/get-build.sh",
    "hack/ginkgo-e2e.sh",
    "hack/federated-ginkgo-e2e.sh",
    "hack/lib",
  ],
  staticArray: "KUBE_STATIC_LIBRARIES",
  statics: [
    "cloud-controller-manager",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kube-aggregator",
    "kubeadm",
    "kubectl",
  ],
  parallelMemory: "11",
  buildConformance: undefined,
  versionPackages: [
    "${KUBE_GO_PACKAGE}/pkg/version",
    "${KUBE_GO_PACKAGE}/vendor/k8s.io/client-go/pkg/version",
  ],
  conformanceDir: undefined,
  etcd: "3.0.17",
  staging: [
    "apiextensions-apiserver",
    "apimachinery",
    "client-go",
    "kube-aggregator",
    "sample-apiserver",
  ],
};

/** Kubernetes v1.20.2: hack/lib/golang.sh:24-330, build/common.sh:95-108. */
export const ERA_120: EraFacts = {
  era: "1.20",
  version: "v1.20.2",
  earlier: ["v1.20.0-alpha.1", "v1.20.1"],
  branch: "release-1.20",
  firstCommit: Date.UTC(2020, 8, 8, 12) / 1000,
  goMode: "gopath",
  godeps: false,
  bindMount: false,
  goDirective: "1.15",
  minimumGo: "1.15.0",
  crossVersion: "v1.15.5-1",
  registry: "k8s.gcr.io",
  platforms: {
    server: LINUX,
    node: [...LINUX, "windows/amd64"],
    client: [...CLIENTS, "darwin/amd64", "windows/amd64", "windows/386"],
    test: [...LINUX, "darwin/amd64", "windows/amd64"],
  },
  targets: {
    server: [
      ...SERVERS,
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
      GINKGO,
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
      GINKGO,
      "test/e2e/e2e.test",
      "cluster/images/conformance/go-runner",
    ],
    serverTest: ["cmd/kubemark", GINKGO],
  },
  testPortable: PORTABLE,
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
  etcd: "3.4.13",
  staging: STAGING,
};
