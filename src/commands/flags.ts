import type { FlagSpec, VariableSpec } from "../cli/mod.ts";
import { DRY_RUN_FLAG } from "../cli/mod.ts";
import { registryFault, tagFault } from "../lib/image_name.ts";

/** Flags and variables that several commands share, each described once. */

export const JOBS: FlagSpec = {
  name: "jobs",
  short: "j",
  kind: "number",
  placeholder: "N",
  minimum: 1,
  summary: "Platforms to build and threads to compress at once",
  default: "by memory and processors",
};

export const PLATFORM: FlagSpec = {
  name: "platform",
  short: "p",
  kind: "list",
  placeholder: "OS/ARCH",
  variable: "KUBE_BUILD_PLATFORMS",
  summary: "Platforms to build for",
  default: "this machine's, or the command's",
};

export const WHAT: FlagSpec = {
  name: "what",
  short: "w",
  kind: "list",
  placeholder: "TARGET",
  variable: "WHAT",
  summary: "Targets to build",
  default: "all",
};

export const STRICT_PARITY: FlagSpec = {
  name: "strict-parity",
  kind: "boolean",
  summary: "Behave as the checkout's scripts do, known bugs included",
};

export const CONFIG = {
  name: "config",
  kind: "string",
  placeholder: "FILE",
  variable: "KBUILD_CONFIG",
  summary: "Values that cannot be read from the checkout",
  default: "kbuild.toml in it or next to it",
} as const satisfies FlagSpec;

export const GO = {
  name: "go",
  kind: "string",
  placeholder: "GO",
  variable: "KBUILD_GO",
  summary: 'Go to build with: a release, a path, or "host"',
  default: "the checkout's",
} as const satisfies FlagSpec;

export const OFFLINE: FlagSpec = {
  name: "offline",
  kind: "boolean",
  variable: "KBUILD_OFFLINE",
  summary: "Fetch nothing: use this machine's files and kbuild's cache",
};

export const MIRROR = {
  name: "mirror",
  kind: "list",
  placeholder: "PREFIX=WHERE",
  variable: "KBUILD_MIRRORS",
  summary: "Fetch addresses that begin with PREFIX from WHERE[,WHERE…]; or preset:NAME",
} as const satisfies FlagSpec;

export const CA_FILE = {
  name: "ca-file",
  kind: "string",
  placeholder: "FILE",
  variable: "KBUILD_CA_FILE",
  summary: "Additional certificates to trust (PEM)",
} as const satisfies FlagSpec;

/** What decides how things are fetched. */
export const NET_FLAGS: readonly FlagSpec[] = [OFFLINE, MIRROR, CA_FILE];

/** What decides over the Go of a build. */
export const GO_FLAGS: readonly FlagSpec[] = [GO, ...NET_FLAGS];

export const CACHE_VARIABLE: VariableSpec = {
  name: "KBUILD_CACHE",
  summary: "Directory for fetched files",
  default: "~/.cache/kbuild, on macOS ~/Library/Caches/kbuild",
};

/** The variables of `kube::golang::internal::verify_go_version`, and where Go comes from. */
export const GO_VARIABLES: readonly VariableSpec[] = [
  {
    name: "GO_VERSION",
    summary: "Go release, instead of .go-version; devel: the one in PATH",
  },
  { name: "FORCE_HOST_GO", summary: "If not empty: use the Go in PATH, whatever .go-version says" },
  { name: "GOTOOLCHAIN", summary: "As in Go: go1.24.3, local; auto: the checkout decides" },
  CACHE_VARIABLE,
  {
    name: "KBUILD_GO_MIRROR",
    summary: "Base URL of Go's archives, to fetch instead of modules",
    default: "Go's own",
  },
  {
    name: "KBUILD_GO_SHA256",
    summary: "Digest of the archive, to fetch instead of the module",
    default: "from Go's own site",
  },
];

/** For forks that lack files which a release holds. */
export const ALLOW_MISSING: FlagSpec = {
  name: "allow-missing",
  kind: "boolean",
  summary: "Leave out licenses, documents and similar files that are missing",
};

/** Programs that are not part of a checkout, of packages and bundles. */
export const PROGRAM_TARBALL: FlagSpec = {
  name: "tarball",
  kind: "list",
  whole: true,
  placeholder: "FILE",
  summary: "Published tarball of CNI plugins or crictl; may be repeated",
  default: "they are fetched",
  check: (value) =>
    /\.(tgz|tar\.gz),/.test(value)
      ? { reason: "want one file", notes: ["Repeat the flag: --tarball FILE --tarball FILE"] }
      : undefined,
};

export const BASE_IMAGE: FlagSpec = {
  name: "base-image",
  kind: "list",
  whole: true,
  placeholder: "NAME=WHERE",
  summary:
    "Base image: an OCI layout directory, a docker or OCI tar, docker:IMAGE, or scratch; may be repeated",
};

/** Of `kbuild sbom`, also for releases. */
export const SUPPLIER = {
  name: "supplier",
  kind: "string",
  placeholder: "NAME",
  summary: "Organization that distributes the release, in SBOMs",
  default: "The Kubernetes Authors",
  check: (value) =>
    /^[^\p{C}()]*\S[^\p{C}()]*$/u.test(value)
      ? undefined
      : { reason: "want a name on one line, without parentheses", notes: [] },
} as const satisfies FlagSpec;

export const OCI_LAYOUT: FlagSpec = {
  name: "oci-layout",
  kind: "string",
  placeholder: "DIR",
  summary: "Also write all images of all platforms into one OCI layout",
};

export const BASES = {
  name: "bases",
  kind: "string",
  choices: ["registry", "scratch"],
  variable: "KBUILD_BASES",
  summary: "Base images without --base-image: from their registry, or none",
  default: "registry",
} as const satisfies FlagSpec;

export const COMPRESSION_LEVEL = {
  name: "compression-level",
  kind: "string",
  choices: [..."0123456789", "fast"],
  placeholder: "N|fast",
  variable: "KBUILD_COMPRESSION_LEVEL",
  summary: "Compression level of tarballs, 0 to 9; 9 gives the same bytes on every architecture, " +
    "fast compresses in half the time to a tenth more",
  default: "5",
} as const satisfies FlagSpec;

export const CONTAINER: FlagSpec = {
  name: "container",
  kind: "boolean",
  summary: "Build in a container of the build image, into _output/dockerized",
};

export const EXTRA_WHAT_VARIABLE: VariableSpec = {
  name: "KUBE_EXTRA_WHAT",
  summary: "Further targets of release-images, for its platforms",
};

export const GNU_TOOLS: FlagSpec = {
  name: "gnu-tools",
  kind: "boolean",
  variable: "KBUILD_GNU_TOOLS",
  summary: "Let scripts find kbuild in place of sed, date and other GNU programs",
  default: "on anything but Linux, of those that are missing",
};

export const TRIMPATH: FlagSpec = {
  name: "trimpath",
  kind: "boolean",
  variable: "KBUILD_TRIMPATH",
  summary: "Keep the path of the checkout out of programs (Go's -trimpath)",
  default: "with a store, yes; else as the checkout's scripts do",
};

export const WATCH: FlagSpec = {
  name: "watch",
  kind: "boolean",
  summary: "Build again whenever a source of the targets changes",
};

export const STORE = {
  name: "store",
  kind: "string",
  placeholder: "STORE",
  variable: "KBUILD_STORE",
  summary: "Store of results that machines share",
} as const satisfies FlagSpec;

export const GO_CACHE = {
  name: "go-cache",
  kind: "string",
  placeholder: "STORE",
  variable: "KBUILD_GO_CACHE",
  summary: "Store that shares Go's compile cache, with Go 1.24 and later",
} as const satisfies FlagSpec;

export const STORE_READ_ONLY = {
  name: "store-read-only",
  kind: "boolean",
  variable: "KBUILD_STORE_READ_ONLY",
  needs: [STORE.variable, GO_CACHE.variable],
  summary: "Save nothing in the store",
} as const satisfies FlagSpec;

/** What names a store, for commands that compile nothing: they share packages and compressed blocks. */
export const STORE_FLAGS: readonly FlagSpec[] = [STORE, STORE_READ_ONLY];

export const SHARD = {
  name: "shard",
  kind: "string",
  placeholder: "I/N",
  variable: "KBUILD_SHARD",
  summary: "Build only part I of N into the store, without packaging; auto: as the scheduler says",
} as const satisfies FlagSpec;

export const DURATIONS = {
  name: "durations",
  kind: "string",
  placeholder: "FILE",
  variable: "KBUILD_DURATIONS",
  // Who gathers gets the flags of the shards.
  needs: [SHARD.variable, "KBUILD_GATHER"],
  summary: "How long units take, for --shard: what plan --units --json printed",
  default: "guesses by numbers of programs",
} as const satisfies FlagSpec;

export const GATHER = {
  name: "gather",
  kind: "boolean",
  variable: "KBUILD_GATHER",
  summary: "Build nothing: take all from the store, and name what it lacks",
} as const satisfies FlagSpec;

/** What decides over results that machines share. */
export const SHARED_FLAGS: readonly FlagSpec[] = [
  ...STORE_FLAGS,
  TRIMPATH,
  SHARD,
  DURATIONS,
  GATHER,
  GO_CACHE,
];

export const BUILD_FLAGS: readonly FlagSpec[] = [
  PLATFORM,
  JOBS,
  ...SHARED_FLAGS,
  STRICT_PARITY,
  CONFIG,
  ...GO_FLAGS,
  DRY_RUN_FLAG,
];

/** Where releases are made; `all` and the others look there, too. */
export const OUT_DIR_VARIABLE: VariableSpec = {
  name: "OUT_DIR",
  summary: "Directory for releases",
  default: "_output",
};

export const OUTPUT_SUBPATH_VARIABLE: VariableSpec = {
  name: "KUBE_OUTPUT_SUBPATH",
  summary: "Directory for builds",
  default: "_output/local",
};

/** What decides over the platforms of a group, beside `--platform`. */
export const PLATFORM_VARIABLES: readonly VariableSpec[] = [
  { name: "KUBE_FASTBUILD", kind: "boolean-true", summary: "true: build for few platforms" },
  { name: "KUBE_BUILDER_OS", summary: "OS of the requesting machine; darwin adds clients for it" },
];

/** As in the root Makefile. */
export const PRINT_HELP: VariableSpec = {
  name: "PRINT_HELP",
  choices: ["y"],
  summary: "y: kbuild make prints the checkout's help of the targets",
};

/** Variables of `hack/make-rules/test.sh`; GOFLAGS and KUBE_RACE are those of builds, too. */
export const TEST_VARIABLES: readonly VariableSpec[] = [
  { name: "TESTS", summary: "More packages" },
  { name: "KUBE_TEST_ARGS", summary: "Arguments behind the packages, quoted as for a shell" },
  { name: "KUBE_TIMEOUT", summary: "-timeout=300s", default: "the checkout's" },
  { name: "KUBE_COVER", kind: "boolean-y", summary: "y: measure coverage" },
  {
    name: "KUBE_COVERMODE",
    choices: ["set", "count", "atomic"],
    summary: "Mode",
    default: "atomic",
  },
  {
    name: "KUBE_COVER_REPORT_DIR",
    summary: "Directory for reports of coverage",
    default: "/tmp/k8s_coverage/<time>",
  },
  {
    name: "KUBE_JUNIT_REPORT_DIR",
    summary: "Directory for a JUnit report",
    default: "ARTIFACTS",
  },
  { name: "ARTIFACTS", summary: "Directory for results in CI" },
  {
    name: "KUBE_KEEP_VERBOSE_TEST_OUTPUT",
    kind: "boolean-y",
    summary: "y: also keep the output of go test -json with the JUnit report",
  },
  {
    name: "KUBE_PRUNE_JUNIT_TESTS",
    kind: "boolean-true",
    summary: "true: no parts of tests in the JUnit report",
    default: "false",
  },
  { name: "FULL_LOG", summary: "If not empty: show what all tests print" },
  {
    name: "KUBE_TEST_API_VERSIONS",
    summary: "API versions to test, up to 1.14; a run for each list between semicolons",
  },
];

/** Variables of `hack/make-rules/test-integration.sh` and `hack/lib/etcd.sh` beside those of tests. */
export const ETCD_VARIABLES: readonly VariableSpec[] = [
  { name: "SHORT", summary: "Replaces -short=true" },
  { name: "KUBE_TEST_VMODULE", summary: "Log levels by file", default: "the checkout's" },
  {
    name: "KUBE_INTEGRATION_TEST_MAX_CONCURRENCY",
    summary: "Processors that a test may use (1.21 and later)",
  },
  { name: "ETCD_HOST", summary: "Address that etcd listens at", default: "127.0.0.1" },
  { name: "ETCD_PORT", summary: "Port that etcd listens at", default: "a free one" },
  { name: "ETCD_VERSION", summary: "Oldest etcd to use", default: "the checkout's" },
  {
    name: "KBUILD_ETCD_SHA256",
    summary: "Digest of the archive of etcd, if it is fetched",
    default: "from etcd's own site",
  },
  { name: "ETCD_LOGLEVEL", summary: "Log level of etcd 3.4 and later", default: "warn" },
  {
    name: "ETCD_LOGFILE",
    summary: "File for etcd's log",
    default: "etcd.<port>.log in ARTIFACTS, if that is set",
  },
];

/** What a fetched protoc is checked against. */
export const PROTOC_VARIABLE: VariableSpec = {
  name: "KBUILD_PROTOC_SHA256",
  summary: "Digest of the archive of protoc, if it is fetched",
  default: "built in for 23.4",
};

/** Where JUnit reports go, of tests and of checks. */
export const REPORT_VARIABLES: readonly VariableSpec[] = TEST_VARIABLES.filter(({ name }) =>
  ["ARTIFACTS", "KUBE_JUNIT_REPORT_DIR"].includes(name)
);

/** Variables of `hack/make-rules/verify.sh`. */
export const VERIFY_VARIABLES: readonly VariableSpec[] = [
  {
    name: "SILENT",
    choices: ["true", "false"],
    summary: "true: show nothing of what scripts print, false: everything",
    default: "verify: what failed; update: errors",
  },
  { name: "BRANCH", summary: "Branch that checks compare with (KUBE_VERIFY_GIT_BRANCH)" },
  { name: "EXCLUDE_TYPECHECK", kind: "boolean-y", summary: "y: leave out the checks of types" },
  { name: "EXCLUDE_GODEP", kind: "boolean-y", summary: "y: leave out the checks of dependencies" },
  {
    name: "EXCLUDE_FILES_REMAKE",
    kind: "boolean-y",
    summary: "y: leave out that generated files are made again (up to 1.25)",
  },
  {
    name: "EXCLUDE_READONLY_PACKAGE",
    kind: "boolean-y",
    summary: "y: leave out the check of packages that must not change",
  },
  { name: "EXCLUDE_GOLANGCI_LINT", kind: "boolean-y", summary: "y: leave out golangci-lint" },
];

/** Variables of `hack/make-rules/update.sh`. */
export const UPDATE_VARIABLES: readonly VariableSpec[] = [
  VERIFY_VARIABLES[0]!,
  {
    name: "FORCE_ALL",
    kind: "boolean-true",
    summary: "true: go on after a failure; the exit status still says so",
  },
];

/** Variables of `kube::golang::build_binaries`. */
export const COMPILE_VARIABLES: readonly VariableSpec[] = [
  { name: "GOFLAGS", summary: "Extra flags for go" },
  {
    name: "GOLDFLAGS",
    summary: "Linker flags; an empty value keeps symbols up to 1.25",
    default: "flags that strip",
  },
  { name: "GOGCFLAGS", summary: "Compiler flags" },
  { name: "DBG", choices: ["0", "1"], summary: "1: build for a debugger (no -s -w, but -N -l)" },
  { name: "KUBE_GOFLAGS", summary: "Old name of GOFLAGS" },
  ...PLATFORM_VARIABLES,
  { name: "KUBE_STATIC_OVERRIDES", summary: "More binaries to build without cgo" },
  { name: "KUBE_CGO_OVERRIDES", summary: "Binaries to build with cgo nevertheless" },
  {
    name: "KBUILD_VERIFY",
    kind: "boolean",
    summary: "Ask Go whether programs are up to date even if no file has changed",
  },
  { name: "KUBE_RACE", summary: "-race, for binaries with cgo; for tests, the checkout decides" },
  {
    name: "KUBE_PARALLEL_BUILD_MEMORY",
    kind: "number",
    summary: "GiB of memory above which all platforms build at once",
  },
  {
    name: "KUBE_LINUX_ARM64_CC",
    pattern: /^KUBE_[A-Z0-9]+_[A-Z0-9]+_CC$/,
    summary: "C compiler for linux/arm64; likewise for other platforms",
  },
  {
    name: "KUBE_BUILD_WITH_COVERAGE",
    summary: "If not empty: build servers with coverage counters",
  },
  { name: "KUBE_EXTRA_GOPATH", summary: "Additional GOPATH, in the GOPATH eras" },
  OUTPUT_SUBPATH_VARIABLE,
];

/** All that a build reads but the version. */
export const BUILD_VARIABLES: readonly VariableSpec[] = [
  ...COMPILE_VARIABLES,
  OUT_DIR_VARIABLE,
  ...GO_VARIABLES,
];

export const GENERATION_VARIABLES: readonly VariableSpec[] = [
  {
    name: "UPDATE_API_KNOWN_VIOLATIONS",
    choices: ["true", "false"],
    summary: "true: accept violations of API rules, write them to the lists in api/api-rules",
  },
];

/** Of `hack/update-codegen.sh`, from 1.26 on. */
export const CODEGEN_VARIABLES: readonly VariableSpec[] = [
  {
    name: "API_KNOWN_VIOLATIONS_DIR",
    summary:
      "From 1.26 on: directory of the known violations of API rules, instead of api/api-rules",
  },
  {
    name: "GENERATED_FILE_PREFIX",
    summary: "From 1.26 on: how names of generated files begin, instead of zz_generated.",
  },
];

export const VERSION_VARIABLES: readonly VariableSpec[] = [
  { name: "KUBE_GIT_VERSION", summary: "Version to stamp instead of git's" },
  { name: "KUBE_GIT_COMMIT", summary: "Commit to stamp" },
  { name: "KUBE_GIT_TREE_STATE", choices: ["clean", "dirty", "archive"], summary: "Tree state" },
  { name: "KUBE_GIT_MAJOR", summary: "Major version to stamp" },
  { name: "KUBE_GIT_MINOR", summary: "Minor version to stamp" },
  { name: "KUBE_GIT_VERSION_FILE", summary: "File with the KUBE_GIT_* variables" },
  { name: "SOURCE_DATE_EPOCH", kind: "number", summary: "Time to stamp", default: "the commit's" },
];

/** Of commands that fetch or push images. */
export const BLOB_CACHE_VARIABLE: VariableSpec = {
  name: "KBUILD_BLOB_CACHE_MB",
  kind: "number",
  summary: "Maximum megabytes of images and layers in KBUILD_CACHE",
  default: "8000",
};

/** What `[digests]` of `kbuild.toml` says. */
export const DIGESTS: VariableSpec = {
  name: "KBUILD_DIGESTS",
  summary: "Digests that tags of base images must have, whoever serves them: NAME:TAG=sha256:…",
};

export const RELEASE_VARIABLES: readonly VariableSpec[] = [
  {
    name: "KUBE_DOCKER_REGISTRY",
    summary: "Registry of the second name in image archives",
    check: registryFault,
  },
  {
    name: "KUBE_DOCKER_IMAGE_TAG",
    summary: "Tag of the second name in image archives",
    check: tagFault,
  },
  {
    name: "KUBE_BASE_IMAGE_REGISTRY",
    summary: "Registry of the base images",
    check: registryFault,
  },
  {
    name: "KUBE_BUILD_PULL_LATEST_IMAGES",
    kind: "boolean-y",
    summary: "n: use cached base images without asking for newer ones",
  },
  { name: "KUBE_GORUNNER_IMAGE", summary: "Base image of static server images" },
  { name: "KUBE_APISERVER_BASE_IMAGE", summary: "Base image of kube-apiserver" },
  {
    name: "KUBE_CONTROLLER_MANAGER_BASE_IMAGE",
    summary: "Base image of kube-controller-manager",
  },
  { name: "KUBE_SCHEDULER_BASE_IMAGE", summary: "Base image of kube-scheduler" },
  { name: "KUBE_PROXY_BASE_IMAGE", summary: "Base image of kube-proxy" },
  { name: "KUBECTL_BASE_IMAGE", summary: "Base image of kubectl" },
  {
    name: "KUBE_BUILD_SETCAP_IMAGE",
    summary: "Image in which the scripts run setcap; kbuild needs none",
  },
  {
    name: "KUBE_BUILD_HYPERKUBE",
    kind: "boolean-y",
    summary: "Make the hyperkube image (1.14-1.18)",
  },
  { name: "KUBE_BUILD_CONFORMANCE", kind: "boolean-y", summary: "Make the conformance image" },
  {
    name: "KBUILD_BLOCK_CACHE_MB",
    kind: "number",
    summary: "Maximum megabytes of compressed blocks in OUT_DIR/.kbuild-cache",
    default: "4096",
  },
  BLOB_CACHE_VARIABLE,
  DIGESTS,
  {
    name: "KUBE_RELEASE_RUN_TESTS",
    kind: "boolean-y",
    summary: "y: run unit and integration tests before",
    default: "y for release of 1.28 and later",
  },
];

/** Which engine. */
export const ENGINE = {
  name: "engine",
  kind: "string",
  placeholder: "ENGINE",
  choices: ["docker", "podman"],
  ignoredInVariable: /^buildx(:|$)/,
  variable: "KBUILD_ENGINE",
  summary: "Container engine",
  default: "docker, else podman",
} as const satisfies FlagSpec;

/** Which image. */
export const BUILD_IMAGE = {
  name: "build-image",
  kind: "string",
  placeholder: "IMAGE",
  variable: "KBUILD_BUILD_IMAGE",
  summary: "Image to build in",
  default: "the checkout's kube-cross",
} as const satisfies FlagSpec;

/** How the checkout gets into a container. */
export const SYNC = {
  name: "sync",
  kind: "string",
  choices: ["auto", "bind", "volume"],
  variable: "KBUILD_SYNC",
  summary: "How the checkout gets into the container: mounted (bind), or copied into a volume",
  default: "auto: bind, or volume for an engine elsewhere",
} as const satisfies FlagSpec;

/** For a target of the checkout's make that kbuild runs on this machine alone. */
export function makeInContainer(target: string): Readonly<Record<string, string>> {
  return Object.freeze({
    container: `For the checkout's own in the build container: kbuild run make ${target}`,
  });
}

/** How docker is started. */
export const ENGINE_VARIABLES: readonly VariableSpec[] = [
  { name: "DOCKER_HOST", summary: "Where docker's engine is" },
  { name: "DOCKER_OPTS", summary: "Options of docker itself, separated by spaces" },
];

/** Whether outputs are copied out of a volume. */
export const COPY_OUTPUT = "KUBE_RUN_COPY_OUTPUT";

/** What decides over a build container, beside the version. */
export const CONTAINER_VARIABLES: readonly VariableSpec[] = [
  { name: "DOCKER_CGROUP_PARENT", summary: "Control group that containers belong to" },
  { name: "KUBE_CROSS_IMAGE", summary: "Image to build in, without its tag (1.22 and later)" },
  { name: "KUBE_CROSS_VERSION", summary: "Tag of the image to build in (1.22 and later)" },
  { name: "KUBERNETES_HTTPS_PROXY", summary: "https_proxy of the container" },
  { name: "KUBERNETES_HTTP_PROXY", summary: "http_proxy of the container" },
  { name: "KUBERNETES_NO_PROXY", summary: "no_proxy of the container" },
  {
    name: COPY_OUTPUT,
    kind: "boolean-y",
    summary: "n: leave outputs in the volume (--sync volume); kbuild copy-output copies them",
    default: "y; of kbuild shell, n",
  },
];

/** The same for commands that build, which the nodes of a builder can do, too. */
export const BUILD_ENGINE = {
  name: ENGINE.name,
  kind: "string",
  placeholder: "docker|podman|buildx[:BUILDER]",
  variable: ENGINE.variable,
  summary: "Engine of --container; buildx: build on the nodes of a builder of buildx",
  default: ENGINE.default,
  check: (value) =>
    /^(docker|podman|buildx(:[\w][\w.-]*)?)$/.test(value)
      ? undefined
      : { reason: "it is neither docker, podman, buildx nor buildx:BUILDER" },
} as const satisfies FlagSpec;

/** Which builder. */
export const BUILDER_VARIABLE: VariableSpec = {
  name: "BUILDX_BUILDER",
  summary: "Builder of --engine buildx",
};

/** Where BuildKit's results are looked for. */
export const CACHE_FROM = {
  name: "cache-from",
  kind: "string",
  placeholder: "REPOSITORY",
  variable: "KBUILD_CACHE_FROM",
  summary: "Repository of a registry that has results of --engine buildx",
} as const satisfies FlagSpec;

/** Where BuildKit's results are kept. */
export const CACHE_TO = {
  name: "cache-to",
  kind: "string",
  placeholder: "REPOSITORY",
  variable: "KBUILD_CACHE_TO",
  summary: "Repository of a registry that takes results of --engine buildx",
} as const satisfies FlagSpec;

/** Of commands that build here, in a container or on the nodes of a builder. */
export const CONTAINER_BUILD_FLAGS: readonly FlagSpec[] = [
  ...[CONTAINER, BUILD_ENGINE, BUILD_IMAGE, SYNC],
  ...[CACHE_FROM, CACHE_TO],
];

/** What decides over the container of such a command. */
export const CONTAINER_BUILD_VARIABLES: readonly VariableSpec[] = [
  BUILDER_VARIABLE,
  ...ENGINE_VARIABLES,
  ...CONTAINER_VARIABLES.filter(({ name }) => name !== COPY_OUTPUT),
];
