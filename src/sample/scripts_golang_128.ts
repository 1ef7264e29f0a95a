import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import {
  BUILD_PLATFORMS,
  buildForPlatform,
  buildSomeBinaries,
  CHOOSE_GO,
  CROSS_COMPILERS,
  GOPATH_TREE,
  HOST_PLATFORM,
  inGopath,
  minimumGo,
  OUTFILE_FOR_BINARY,
  OWN_COMPILER,
  placeBins,
  platformEnvs,
  START_IN_GOPATH,
  staticPrograms,
} from "./scripts_golang.ts";

/**
 * The build half of `hack/lib/golang.sh` in 1.28: programs from vendored modules, tests still in
 * GOPATH mode (T28:345-960).
 */
export function golangBuild128(facts: EraFacts): string {
  return [
    staticPrograms({
      name: "is_statically_linked_library",
      array: facts.staticArray,
      suffix: "_LIST",
    }),
    BINARIES_FROM_TARGETS,
    HOST_PLATFORM,
    platformEnvs({
      when: `"$(kube::golang::host_platform)" != "\${platform}"`,
      compilers: { "linux/amd64": "x86_64-linux-gnu", ...CROSS_COMPILERS },
      then: OWN_COMPILER,
    }),
    GOPATH_TREE,
    VERIFY_GO_VERSION + minimumGo(facts.minimumGo),
    SETUP_ENV,
    placeBins("KUBE_OUTPUT_BINPATH"),
    OUTFILE_FOR_BINARY,
    buildSomeBinaries({
      install: "GO111MODULE=on GOPROXY=off go install",
      folder: "${KUBE_GOPATH}/src/${package}",
      coverpkg: "k8s.io/...,k8s.io/kubernetes/vendor/k8s.io/...",
    }),
    buildForPlatform({
      isStatic: "kube::golang::is_statically_linked_library",
      installsuffix: "-installsuffix=static",
      flags: [
        '-gcflags="${gogcflags}"',
        '-asmflags="${goasmflags}"',
        '-ldflags="${goldflags}"',
        '-tags="${gotags}"',
      ],
      tell: true,
    }),
    BUILD_PLATFORMS,
    BUILD_BINARIES,
  ].join("\n");
}

const BINARIES_FROM_TARGETS =
  raw`# Turns targets into packages; what starts with a host name is one already.
kube::golang::binaries_from_targets() {
  local target
  for target; do
    if [[ "\${target}" == "ginkgo" ||
          "\${target}" == "github.com/onsi/ginkgo/ginkgo" ||
          "\${target}" == "vendor/github.com/onsi/ginkgo/ginkgo" ]]; then
      echo "github.com/onsi/ginkgo/v2/ginkgo"
    elif [[ "\${target}" =~ ^([[:alnum:]]+".")+[[:alnum:]]+"/" ]]; then
      echo "\${target}"
    elif [[ "\${target}" =~ ^vendor/ ]]; then
      echo "\${target#"vendor/"}"
    else
      echo "\${KUBE_GO_PACKAGE}/\${target}"
    fi
  done
}
`;

const VERIFY_GO_VERSION = raw`# GO_VERSION: the wanted Go, from .go-version when unset.
# FORCE_HOST_GO: takes the go in PATH, whatever it is.
kube::golang::verify_go_version() {
${CHOOSE_GO}`;

const SETUP_ENV =
  raw`# Sets GOPATH, GOCACHE and GOMODCACHE, all of them in the output folder, and steps into the GOPATH.
kube::golang::setup_env() {
  kube::golang::verify_go_version
  kube::golang::create_gopath_tree

  export GOPATH="\${KUBE_GOPATH}"
  export GOCACHE="\${GOCACHE:-"\${KUBE_GOPATH}/cache/build"}"
  export GOMODCACHE="\${GOMODCACHE:-"\${KUBE_GOPATH}/cache/mod"}"
  export PATH="\${KUBE_GOPATH}/bin:\${PATH}"
${inGopath()}}
`;

const BUILD_BINARIES = raw`# Builds the targets that are named, or all of them.
kube::golang::build_binaries() {
  (
${START_IN_GOPATH}
    local goldflags goasmflags gogcflags gotags trimroot
    trimroot=$(pwd)
    goasmflags="all=-trimpath=\${trimroot}"
    gogcflags="all=-trimpath=\${trimroot} \${GOGCFLAGS:-}"
    goldflags="all=$(kube::version::ldflags) \${GOLDFLAGS:-}"
    if [[ "\${DBG:-}" == 1 ]]; then
      gogcflags="\${GOGCFLAGS:-} all=-N -l"
      goasmflags=""
    else
      goldflags="\${goldflags} -s -w"
    fi
    gotags="selinux,notest,$(echo "\${GOFLAGS:-}" | sed -ne 's|.*-tags=\([^-]*\).*|\1|p')"

    kube::util::read-array binaries < <(kube::golang::binaries_from_targets "\${targets[@]}")

    kube::golang::internal::build_platforms
  )
}
`;
