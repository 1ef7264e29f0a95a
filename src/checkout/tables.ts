import type { EraName, PlatformLists, TargetLists } from "./types.ts";

/** A server image in a table. `{registry}`, `{arch}` and `{busybox}` stand for what they name. */
export interface TableImage {
  /** Name of the program in the image. */
  readonly binary: string;
  /** Base image with placeholders. */
  readonly base: string;
  /** Variables that replace the base, the strongest first: `KUBE_PROXY_BASE_IMAGE`. */
  readonly variables: readonly string[];
}

/** What is taken for granted where a checkout's own files cannot be read. */
export interface EraTable {
  /** `built-in table (1.20)`. */
  readonly label: string;
  /** Go's name of the module. */
  readonly goPackage: string;
  /** Target lists, as the scripts write them. */
  readonly targets: Readonly<Record<keyof TargetLists, readonly string[]>>;
  /** Platforms of each group. */
  readonly platforms: Readonly<Record<keyof PlatformLists, readonly string[]>>;
  /** Base names built without cgo. */
  readonly staticBinaries: readonly string[];
  /** Paths in the portable test tarball. */
  readonly testPortable: readonly string[];
  /** Packages that coverage instruments. */
  readonly coveragePackages: readonly string[];
  /** The lowest Go that the scripts take. */
  readonly minimumGo: string;
  /** GiB. */
  readonly parallelBuildMemory: number;
  /** Packages that take the version. */
  readonly versionPackages: readonly string[];
  /** Server images. */
  readonly images: readonly TableImage[];
  /** Registry in image names. */
  readonly imageRegistry: string;
  /** Registry of base images. */
  readonly baseImageRegistry: string | undefined;
  /** Image that sets file capabilities. */
  readonly setcapImage: string | undefined;
  /** Architectures of a fast build; the first is for all other hosts. */
  readonly fastbuildArchitectures: readonly string[];
}

const GO_PACKAGE = "k8s.io/kubernetes";

function paths(prefix: string, names: string): string[] {
  return words(names).map((name) => `${prefix}${name}`);
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

const LINUX_SERVERS = paths("linux/", "amd64 arm arm64 s390x ppc64le");
const LINUX_SERVERS_WITHOUT_ARM = paths("linux/", "amd64 arm64 s390x ppc64le");
const LINUX_CLIENTS = paths("linux/", "amd64 386 arm arm64 s390x ppc64le");
const COVERAGE = paths(
  `${GO_PACKAGE}/cmd/`,
  "kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet",
);
const PORTABLE = [
  "test/e2e/testing-manifests",
  "test/kubemark",
  ...paths("hack/", "e2e-internal get-build.sh ginkgo-e2e.sh lib"),
];
const E2E_NODE_TEST = "test/e2e_node/e2e_node.test";
const OLD_GINKGO = "vendor/github.com/onsi/ginkgo/ginkgo";

/** Facts of v1.7.3: hack/lib/golang.sh:25-200, hack/lib/version.sh:122-123, build/common.sh:87-138. */
function godeps(): EraTable {
  const server = [
    ...paths(
      "cmd/",
      "kube-proxy kube-apiserver kube-controller-manager cloud-controller-manager kubelet kubeadm hyperkube",
    ),
    ...paths("vendor/k8s.io/", "kube-aggregator apiextensions-apiserver"),
    "plugin/cmd/kube-scheduler",
  ];
  const client = ["cmd/kubectl", "federation/cmd/kubefed"];
  const test = [
    ...paths("cmd/", "gendocs genkubedocs genman genyaml mungedocs genswaggertypedocs linkcheck"),
    "federation/cmd/genfeddocs",
    OLD_GINKGO,
    "test/e2e/e2e.test",
  ];
  const serverTest = ["cmd/kubemark", OLD_GINKGO, E2E_NODE_TEST];
  const inBusybox = words(
    "cloud-controller-manager kube-apiserver kube-controller-manager kube-scheduler kube-aggregator",
  );
  return {
    label: "built-in table (1.7)",
    goPackage: GO_PACKAGE,
    targets: {
      server,
      node: paths("cmd/", "kube-proxy kubelet"),
      client,
      test,
      serverTest,
      serverImage: [
        ...paths("cmd/", "cloud-controller-manager kube-apiserver kube-controller-manager"),
        "plugin/cmd/kube-scheduler",
        "vendor/k8s.io/kube-aggregator",
        "cmd/kube-proxy",
      ],
      conformanceImage: [],
      all: [...server, ...client, ...test, ...serverTest, "cmd/gke-certificates-controller"],
    },
    platforms: {
      server: LINUX_SERVERS,
      node: [...LINUX_SERVERS, "windows/amd64"],
      client: [
        ...LINUX_CLIENTS,
        ...paths("darwin/", "amd64 386"),
        ...paths("windows/", "amd64 386"),
      ],
      test: ["linux/amd64", "darwin/amd64", "windows/amd64"],
    },
    staticBinaries: words(
      "cloud-controller-manager kube-apiserver kube-controller-manager kube-scheduler kube-proxy " +
        "kube-aggregator kubeadm kubectl",
    ),
    testPortable: [
      "test/e2e/testing-manifests",
      "test/kubemark",
      "federation/develop",
      ...paths(
        "hack/",
        "e2e.go e2e-internal get-build.sh ginkgo-e2e.sh federated-ginkgo-e2e.sh lib",
      ),
    ],
    coveragePackages: [],
    minimumGo: "1.6",
    parallelBuildMemory: 11,
    versionPackages: [
      `${GO_PACKAGE}/pkg/version`,
      `${GO_PACKAGE}/vendor/k8s.io/client-go/pkg/version`,
    ],
    images: [
      ...inBusybox.map((binary) => ({ binary, base: "{busybox}", variables: [] })),
      {
        binary: "kube-proxy",
        base: "gcr.io/google-containers/debian-iptables-{arch}:v7",
        variables: [],
      },
    ],
    imageRegistry: "gcr.io/google_containers",
    baseImageRegistry: undefined,
    setcapImage: undefined,
    fastbuildArchitectures: ["amd64"],
  };
}

/** Facts of v1.20.2: hack/lib/golang.sh:24-318, hack/lib/version.sh:160-161, build/common.sh:95-108. */
function gopath(): EraTable {
  const server = [
    ...paths(
      "cmd/",
      "kube-proxy kube-apiserver kube-controller-manager kubelet kubeadm kube-scheduler",
    ),
    ...paths("vendor/k8s.io/", "kube-aggregator apiextensions-apiserver"),
    "cluster/gce/gci/mounter",
  ];
  const client = ["cmd/kubectl"];
  const runner = "cluster/images/conformance/go-runner";
  const test = [
    ...paths("cmd/", "gendocs genkubedocs genman genyaml genswaggertypedocs linkcheck"),
    OLD_GINKGO,
    "test/e2e/e2e.test",
    runner,
  ];
  const serverTest = ["cmd/kubemark", OLD_GINKGO, E2E_NODE_TEST];
  const inGoRunner = words("kube-apiserver kube-controller-manager kube-scheduler");
  return {
    label: "built-in table (1.20)",
    goPackage: GO_PACKAGE,
    targets: {
      server,
      node: paths("cmd/", "kube-proxy kubeadm kubelet"),
      client,
      test,
      serverTest,
      serverImage: paths(
        "cmd/",
        "kube-apiserver kube-controller-manager kube-scheduler kube-proxy",
      ),
      conformanceImage: [OLD_GINKGO, "test/e2e/e2e.test", runner, "cmd/kubectl"],
      all: [...server, ...client, ...test, ...serverTest],
    },
    platforms: {
      server: LINUX_SERVERS,
      node: [...LINUX_SERVERS, "windows/amd64"],
      client: [...LINUX_CLIENTS, "darwin/amd64", ...paths("windows/", "amd64 386")],
      test: [...LINUX_SERVERS, "darwin/amd64", "windows/amd64"],
    },
    staticBinaries: words(
      "kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubeadm kubectl",
    ),
    testPortable: PORTABLE,
    coveragePackages: COVERAGE,
    minimumGo: "1.15.0",
    parallelBuildMemory: 40,
    versionPackages: [
      `${GO_PACKAGE}/vendor/k8s.io/client-go/pkg/version`,
      `${GO_PACKAGE}/vendor/k8s.io/component-base/version`,
    ],
    images: [
      ...inGoRunner.map((binary) => ({
        binary,
        base: "{registry}/go-runner:buster-v2.2.2",
        variables: [],
      })),
      { binary: "kube-proxy", base: "{registry}/debian-iptables:buster-v1.3.0", variables: [] },
    ],
    imageRegistry: "k8s.gcr.io",
    baseImageRegistry: "k8s.gcr.io/build-image",
    setcapImage: undefined,
    fastbuildArchitectures: ["amd64"],
  };
}

/** What differs between the tables of 1.28 and later. */
interface RecentFacts {
  readonly label: string;
  /** Directory of the staging repositories' targets. */
  readonly staging: string;
  readonly mounterIsStatic: boolean;
  readonly minimumGo: string;
  readonly versionPackages: readonly string[];
  readonly goRunner: string;
  readonly iptables: string;
  readonly setcap: string;
}

/** Facts of 1.28.7 and 1.35: hack/lib/golang.sh:71-331, build/common.sh:98-157. */
function recent(facts: RecentFacts): EraTable {
  const { staging } = facts;
  const logRunner = `${staging}component-base/logs/kube-log-runner`;
  const server = [
    ...paths(
      "cmd/",
      "kube-proxy kube-apiserver kube-controller-manager kubelet kubeadm kube-scheduler",
    ),
    logRunner,
    ...paths(staging, "kube-aggregator apiextensions-apiserver"),
    "cluster/gce/gci/mounter",
  ];
  const client = paths("cmd/", "kubectl kubectl-convert");
  const test = ["ginkgo", "test/e2e/e2e.test", "test/conformance/image/go-runner"];
  const serverTest = ["cmd/kubemark", "ginkgo", E2E_NODE_TEST];
  const base = (binary: string, variable: string, image = `go-runner:${facts.goRunner}`) => ({
    binary,
    base: `{registry}/${image}`,
    variables: image.startsWith("go-runner:") ? [variable, "KUBE_GORUNNER_IMAGE"] : [variable],
  });
  return {
    label: facts.label,
    goPackage: GO_PACKAGE,
    targets: {
      server,
      node: [...paths("cmd/", "kube-proxy kubeadm kubelet"), logRunner],
      client,
      test,
      serverTest,
      serverImage: paths(
        "cmd/",
        "kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl",
      ),
      conformanceImage: [...test, "cmd/kubectl"],
      all: [...server, ...client, ...test, ...serverTest],
    },
    platforms: {
      server: LINUX_SERVERS_WITHOUT_ARM,
      node: [...LINUX_SERVERS_WITHOUT_ARM, "windows/amd64"],
      client: [
        ...LINUX_CLIENTS,
        ...paths("darwin/", "amd64 arm64"),
        ...paths("windows/", "amd64 386 arm64"),
      ],
      test: [
        ...LINUX_SERVERS_WITHOUT_ARM,
        ...paths("darwin/", "amd64 arm64"),
        ...paths("windows/", "amd64 arm64"),
      ],
    },
    staticBinaries: [
      ...words("apiextensions-apiserver kube-aggregator kube-apiserver kube-controller-manager"),
      ...words(
        "kube-scheduler kube-proxy kube-log-runner kubeadm kubectl kubectl-convert kubemark",
      ),
      ...(facts.mounterIsStatic ? ["mounter"] : []),
    ],
    testPortable: PORTABLE,
    coveragePackages: COVERAGE,
    minimumGo: facts.minimumGo,
    parallelBuildMemory: 20,
    versionPackages: facts.versionPackages,
    images: [
      base("kube-apiserver", "KUBE_APISERVER_BASE_IMAGE"),
      base("kube-controller-manager", "KUBE_CONTROLLER_MANAGER_BASE_IMAGE"),
      base("kube-scheduler", "KUBE_SCHEDULER_BASE_IMAGE"),
      base("kube-proxy", "KUBE_PROXY_BASE_IMAGE", `distroless-iptables:${facts.iptables}`),
      base("kubectl", "KUBECTL_BASE_IMAGE"),
    ],
    imageRegistry: "registry.k8s.io",
    baseImageRegistry: "registry.k8s.io/build-image",
    setcapImage: `{registry}/setcap:${facts.setcap}`,
    fastbuildArchitectures: words("amd64 arm64 ppc64le s390x"),
  };
}

const PLAIN_VERSION_PACKAGES = ["k8s.io/client-go/pkg/version", "k8s.io/component-base/version"];

function modules(): EraTable {
  return recent({
    label: "built-in table (1.28)",
    staging: "vendor/k8s.io/",
    mounterIsStatic: false,
    minimumGo: "1.20",
    versionPackages: [
      ...PLAIN_VERSION_PACKAGES.map((path) => `${GO_PACKAGE}/vendor/${path}`),
      ...PLAIN_VERSION_PACKAGES,
    ],
    goRunner: "v2.3.1-go1.21.7-bullseye.0",
    iptables: "v0.4.5",
    setcap: "bookworm-v1.0.1",
  });
}

function workspace(label: string, goRunner: string, iptables: string, setcap: string): EraTable {
  return recent({
    label,
    staging: "staging/src/k8s.io/",
    mounterIsStatic: true,
    minimumGo: "1.25",
    versionPackages: PLAIN_VERSION_PACKAGES,
    goRunner,
    iptables,
    setcap,
  });
}

const MAKERS: Readonly<Record<EraName, () => EraTable>> = {
  godeps,
  gopath,
  modules,
  workspace: () =>
    workspace(
      "built-in table (1.35 alpha)",
      "v2.4.0-go1.25.1-bookworm.0",
      "v0.8.2",
      "bookworm-v1.0.4",
    ),
  "workspace-bind": () =>
    workspace("built-in table (1.35)", "v2.4.0-go1.25.5-bookworm.0", "v0.8.6", "bookworm-v1.0.6"),
};

/**
 * The built-in table of an era: the fallback for what a checkout's own files do not say. It holds the
 * values of one release of the era, which its label names.
 */
export function eraTable(era: EraName): EraTable {
  return MAKERS[era]();
}

/** Prefixes of Docker Hub's old per-architecture busybox images (v1.7.3 build/common.sh:91-135). */
const BUSYBOX: Readonly<Record<string, string>> = {
  amd64: "",
  arm: "armel/",
  arm64: "aarch64/",
  ppc64le: "ppc64le/",
  s390x: "s390x/",
};

/** Fills in a table's image name. */
export function tableImage(
  template: string,
  values: { registry: string; arch: string },
): string {
  return template
    .replace("{registry}", () => values.registry)
    .replace("{arch}", () => values.arch)
    .replace("{busybox}", () => `${BUSYBOX[values.arch] ?? `${values.arch}/`}busybox`);
}
