import type { BashSource } from "../bash/mod.ts";

/** A value together with where it was found. */
export interface Sourced<T> {
  /** What was found. */
  readonly value: T;
  /** `"hack/lib/golang.sh:70"` (path from the root, line), or `"built-in table (1.20)"`. */
  readonly source: string;
}

/** The eras of Kubernetes' build, told apart by the files that exist, never by a version. */
export type EraName =
  /** 1.6–1.14: `Godeps/Godeps.json`. */
  | "godeps"
  /** 1.15–1.25: `go.mod` and `Makefile.generated_files`; programs of 1.25 are built as modules. */
  | "gopath"
  /** 1.26–1.29: `go.mod`, neither `go.work` nor `Makefile.generated_files`. */
  | "modules"
  /** 1.30–1.35 alpha: `go.work`; `build/common.sh` uses rsync. */
  | "workspace"
  /** 1.35 final and later: `go.work`; `build/common.sh` without rsync. */
  | "workspace-bind";

/** One era and the facts that follow from it alone. */
export interface Era {
  /** Its name in code. */
  readonly name: EraName;
  /** For people: "1.15–1.25 (go.mod, generated code made by make)". */
  readonly title: string;
  /** Why this era: the files that were found or missed, one sentence each. */
  readonly evidence: readonly string[];
  /**
   * How Go finds packages, where the scripts do not say (`readGoModes`): a link farm under GOPATH,
   * vendored modules, or a workspace.
   */
  readonly goMode: "gopath" | "modules" | "workspace";
}

/** A platform as Go and Kubernetes write it: `linux/amd64`. */
export type Platform = string;

/** The four groups of platforms and targets that `hack/lib/golang.sh` knows. */
export interface PlatformLists {
  /** `KUBE_SUPPORTED_SERVER_PLATFORMS`. */
  readonly server: Sourced<readonly Platform[]>;
  /** `KUBE_SUPPORTED_NODE_PLATFORMS`. */
  readonly node: Sourced<readonly Platform[]>;
  /** `KUBE_SUPPORTED_CLIENT_PLATFORMS`. */
  readonly client: Sourced<readonly Platform[]>;
  /** `KUBE_SUPPORTED_TEST_PLATFORMS`. */
  readonly test: Sourced<readonly Platform[]>;
}

/** Target lists, as the checkout writes them (`cmd/kubectl`, `vendor/k8s.io/kube-aggregator`). */
export interface TargetLists {
  /** `KUBE_SERVER_TARGETS`. */
  readonly server: Sourced<readonly string[]>;
  /** `KUBE_NODE_TARGETS`. */
  readonly node: Sourced<readonly string[]>;
  /** `KUBE_CLIENT_TARGETS`. */
  readonly client: Sourced<readonly string[]>;
  /** `KUBE_TEST_TARGETS`. */
  readonly test: Sourced<readonly string[]>;
  /** `KUBE_TEST_SERVER_TARGETS`, `e2e_node.test` among them on any host. */
  readonly serverTest: Sourced<readonly string[]>;
  /** `KUBE_SERVER_IMAGE_TARGETS`. */
  readonly serverImage: Sourced<readonly string[]>;
  /** `KUBE_CONFORMANCE_IMAGE_TARGETS`; empty in 1.7. */
  readonly conformanceImage: Sourced<readonly string[]>;
  /** What `make all` builds. */
  readonly all: Sourced<readonly string[]>;
}

/** A server image: `kube::build::get_docker_wrapped_binaries`. */
export interface WrappedBinary {
  /** `kube-apiserver`. */
  readonly binary: string;
  /** `k8s.gcr.io/build-image/go-runner:buster-v2.2.2`, variables applied; the base on amd64. */
  readonly baseImage: string;
  /** Base by architecture, where they differ: `{ arm64: "aarch64/busybox" }` (1.6–1.14). */
  readonly baseImages?: Readonly<Record<string, string>>;
}

/** The Dockerfile of a release image. */
export interface ImageDockerfile {
  /** `kube-apiserver`, `conformance`. */
  readonly image: string;
  /** Path from the root; absent: `build/lib/release.sh` writes one (up to 1.20), or it is missing. */
  readonly path?: string;
}

/** How the checkout's scripts name the container that a build runs in. */
export interface ContainerNames {
  /** What follows `kube-build-<hash>-`: `5-v1.15.5-1` (build image, kube-cross), later `6`. */
  readonly version: string;
  /** Whether the hash is also over the branch (1.8 and later). */
  readonly hasBranch: boolean;
  /** `KUBE_BUILD_IMAGE_REPO`, of the image that the scripts make; undefined where they make none. */
  readonly imageRepository?: string;
}

/** What kbuild knows of one checkout. Frozen; everything else asks this. */
export interface Checkout {
  /** KUBE_ROOT: absolute, links resolved. */
  readonly root: string;
  /** Which way of building the checkout has. */
  readonly era: Era;
  /** `KUBE_GO_PACKAGE`: `k8s.io/kubernetes`. */
  readonly goPackage: Sourced<string>;
  /** What each group consists of. */
  readonly targets: TargetLists;
  /** `KUBE_SUPPORTED_*_PLATFORMS`. */
  readonly platforms: PlatformLists;
  /** `KUBE_STATIC_LIBRARIES`, later `KUBE_STATIC_BINARIES`: base names built with CGO_ENABLED=0. */
  readonly staticBinaries: Sourced<readonly string[]>;
  /** `KUBE_TEST_PORTABLE`: paths in the portable test tarball. */
  readonly testPortable: Sourced<readonly string[]>;
  /** `KUBE_COVERAGE_INSTRUMENTED_PACKAGES`. */
  readonly coveragePackages: Sourced<readonly string[]>;
  /** Lowest Go that `kube::golang::verify_go_version` takes: "1.15.0". */
  readonly minimumGo: Sourced<string>;
  /** The Go that the checkout pins (`.go-version`, `build/build-image/cross/VERSION`). */
  readonly pinnedGo: Sourced<string> | undefined;
  /**
   * Whether a build must use exactly `pinnedGo`: `.go-version` says so and a script of the checkout
   * reads it (1.27 and later, backported); `build/build-image/cross/VERSION` only names the Go of the
   * build container.
   */
  readonly pinnedGoExact: boolean;
  /** GiB of memory for building platforms side by side: `KUBE_PARALLEL_BUILD_MEMORY`. */
  readonly parallelBuildMemory: Sourced<number>;
  /** Packages that take `-X PACKAGE.gitVersion=…`, in the order of `kube::version::ldflags`. */
  readonly versionPackages: Sourced<readonly string[]>;
  /** Server images and their bases. */
  readonly wrappedBinaries: Sourced<readonly WrappedBinary[]>;
  /** The registry in image names: `k8s.gcr.io`, `registry.k8s.io`. */
  readonly imageRegistry: Sourced<string>;
  /** Whether `KUBE_FASTBUILD` means the host's architecture (1.21 and later) or always amd64. */
  readonly fastbuildArchitectures: Sourced<readonly string[]>;
  /**
   * What `KUBE_BUILD_PLATFORMS` does to the scripts' own platform lists: it replaces each (1.8-1.13),
   * or narrows it (1.14 and later); up to 1.7 it only says what one `make` builds. Undefined if
   * `golang.sh` cannot be read.
   */
  readonly useOfBuildPlatforms?: Sourced<"nothing" | "replaces" | "narrows">;
  /** `KUBE_DOCKER_REGISTRY` of `build/common.sh`, the variable applied; 1.7 has none. */
  readonly dockerRegistry?: Sourced<string>;
  /** `KUBE_BASE_IMAGE_REGISTRY`, the variable applied (1.20 and later). */
  readonly baseImageRegistry?: Sourced<string>;
  /** `KUBE_BUILD_SETCAP_IMAGE`: the first stage of kube-apiserver's image (1.21 and later). */
  readonly setcapImage?: Sourced<string>;
  /**
   * `KUBE_CROSS_IMAGE:KUBE_CROSS_VERSION`, up to 1.21 the `FROM` of `build/build-image/Dockerfile`: where
   * the build container starts from.
   */
  readonly crossImage?: Sourced<string>;
  /**
   * Where generated Go code comes from: the build makes it (`Makefile.generated_files`, up to 1.25),
   * or all of it is committed.
   */
  readonly generated: Sourced<"committed" | "makefile">;
  /** The Dockerfiles of the images in a release: server images in order, then conformance. */
  readonly dockerfiles: Sourced<readonly ImageDockerfile[]>;
  /** How the build container gets at the sources (kubernetes/kubernetes#134510, 1.35). */
  readonly container: Sourced<"bind-mount" | "rsync">;
  /** How the build container is named. */
  readonly containerNames: Sourced<ContainerNames>;
  /** The scripts that all of this was read from, as they are: `readGoCalls` reads on in them. */
  readonly scripts: readonly BashSource[];
  /** `hack/lib/version.sh`, if it can be read: `readVersionVars` reads on in it. */
  readonly versionScript?: BashSource;
  /** Whether the files of the checkout have CRLF line ends, as with `core.autocrlf`. */
  readonly crlf?: boolean;
  /** What could not be read and was taken from the built-in table: "file:line: why". */
  readonly refusals: readonly string[];
}
