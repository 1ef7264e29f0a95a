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
  /** Empty in 1.7. */
  readonly conformanceImage: readonly string[];
  readonly node: readonly string[];
  readonly client: readonly string[];
  readonly test: readonly string[];
  /** Without `test/e2e_node/e2e_node.test`, which the script adds on Linux hosts. */
  readonly serverTest: readonly string[];
  /** What else `make all` builds. */
  readonly others?: readonly string[];
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
  /** Where go finds packages: below GOPATH, in vendor/, or in the workspace's modules. */
  readonly goMode: "gopath" | "modules" | "workspace";
  /** Dependencies in Godeps/, saltbase, federation, logging in cluster/lib: 1.14 and before. */
  readonly godeps: boolean;
  /** The container sees the checkout itself: no rsync (kubernetes/kubernetes#134510). */
  readonly bindMount: boolean;
  /** Of go.mod and go.work; 1.7 has neither. */
  readonly goDirective: string;
  /** `minimum_go_version` of `kube::golang::verify_go_version`, without `go`. */
  readonly minimumGo: string;
  /** Paths of `KUBE_TEST_PORTABLE`. */
  readonly testPortable: readonly string[];
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
  /** `KUBE_BUILD_CONFORMANCE` when unset; 1.7 makes no such image. */
  readonly buildConformance: "y" | "n" | undefined;
  /** Import paths that take `-X path.gitVersion=…`, as `kube::version::ldflags` writes them. */
  readonly versionPackages: readonly string[];
  /** Directory of the conformance image. */
  readonly conformanceDir: string | undefined;
  /** `ETCD_VERSION`. */
  readonly etcd: string;
  /** The staging repositories, `k8s.io/<name>`. */
  readonly staging: readonly string[];
}
