import type { EraFacts } from "./era_facts.ts";
import { CLIENTS, LINUX, PORTABLE, SERVERS, STAGING } from "./eras_gopath.ts";

/** Server platforms since 1.27 (kubernetes/kubernetes#115742). */
const LINUX_64 = LINUX.filter((platform) => platform !== "linux/arm");

/** Import paths without `vendor/`. */
const VERSION_PACKAGES = ["k8s.io/client-go/pkg/version", "k8s.io/component-base/version"];

const STATICS = [
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
];

/** What 1.28 and later have in common; `repositories` is where targets in staging/ are named. */
function recent(repositories: string): Omit<EraFacts, "era" | "version" | "earlier" | "branch"> {
  const logRunner = `${repositories}/component-base/logs/kube-log-runner`;
  return {
    firstCommit: Date.UTC(2025, 9, 1, 12) / 1000,
    goMode: "workspace",
    godeps: false,
    bindMount: false,
    goDirective: "1.22.0",
    minimumGo: "1.22",
    pinnedGo: "1.25.1",
    crossVersion: "v1.35.0-go1.25.1-bullseye.0",
    registry: "registry.k8s.io",
    platforms: {
      server: LINUX_64,
      node: [...LINUX_64, "windows/amd64"],
      client: [
        ...CLIENTS,
        "darwin/amd64",
        "darwin/arm64",
        "windows/amd64",
        "windows/386",
        "windows/arm64",
      ],
      test: [...LINUX_64, "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"],
    },
    targets: {
      server: [
        ...SERVERS,
        logRunner,
        `${repositories}/kube-aggregator`,
        `${repositories}/apiextensions-apiserver`,
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
      node: ["cmd/kube-proxy", "cmd/kubeadm", "cmd/kubelet", logRunner],
      client: ["cmd/kubectl", "cmd/kubectl-convert"],
      test: ["ginkgo", "test/e2e/e2e.test", "test/conformance/image/go-runner"],
      serverTest: ["cmd/kubemark", "ginkgo"],
    },
    testPortable: PORTABLE,
    staticArray: "KUBE_STATIC_BINARIES",
    statics: [...STATICS, "mounter"],
    parallelMemory: "${KUBE_PARALLEL_BUILD_MEMORY:-20}",
    buildConformance: "n",
    versionPackages: VERSION_PACKAGES,
    conformanceDir: "test/conformance/image",
    etcd: "3.6.4",
    staging: STAGING,
  };
}

/** Kubernetes 1.28.7: hack/lib/golang.sh:24-330, hack/lib/version.sh:159-162. */
export const ERA_128: EraFacts = {
  ...recent("vendor/k8s.io"),
  era: "1.28",
  version: "v1.28.7",
  earlier: ["v1.28.0-alpha.1", "v1.28.6"],
  branch: "release-1.28",
  firstCommit: Date.UTC(2023, 10, 15, 12) / 1000,
  goMode: "modules",
  goDirective: "1.19",
  minimumGo: "1.19",
  pinnedGo: "1.21.7",
  crossVersion: "v1.28.0-go1.21.7-bullseye.0",
  staticArray: "KUBE_STATIC_LIBRARIES",
  statics: STATICS,
  versionPackages: [
    ...VERSION_PACKAGES.map((path) => `\${KUBE_GO_PACKAGE}/vendor/${path}`),
    ...VERSION_PACKAGES,
  ],
  etcd: "3.5.10",
};

/** Kubernetes 1.35 alpha: hack/lib/golang.sh:24-317, build/common.sh:99-157. */
export const ERA_135: EraFacts = {
  ...recent("staging/src/k8s.io"),
  era: "1.35",
  version: "v1.35.0",
  earlier: ["v1.35.0-alpha.1", "v1.35.0-rc.0"],
  branch: "release-1.35",
};

/**
 * After 1.35: the container sees the checkout (kubernetes/kubernetes#134510), no rsync (#134656),
 * kube-log-runner in the server images (#136954).
 */
export const ERA_LATEST: EraFacts = {
  ...ERA_135,
  era: "latest",
  version: "v1.36.0",
  earlier: ["v1.36.0-alpha.1", "v1.36.0-rc.0"],
  branch: "release-1.36",
  firstCommit: Date.UTC(2026, 0, 12, 12) / 1000,
  bindMount: true,
  pinnedGo: "1.25.6",
  crossVersion: "v1.36.0-go1.25.6-bullseye.0",
};
