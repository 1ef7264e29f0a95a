import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import {
  BUILD_PLATFORMS,
  buildForPlatform,
  buildSomeBinaries,
  CHOOSE_GO,
  CROSS_COMPILERS,
  HOST_PLATFORM,
  minimumGo,
  OUTFILE_FOR_BINARY,
  OWN_COMPILER,
  placeBins,
  platformEnvs,
  staticPrograms,
} from "./scripts_golang.ts";

/** The build half of `hack/lib/golang.sh` in 1.35: a Go workspace (T35:319-1000). */
export function golangBuild135(facts: EraFacts): string {
  return [
    staticPrograms({
      name: "is_statically_linked",
      array: facts.staticArray,
      suffix: "_LIST",
    }),
    NORMALIZE,
    HOST_PLATFORM,
    platformEnvs({
      when: `"$(kube::golang::host_platform)" != "\${platform}"`,
      compilers: { "linux/amd64": "x86_64-linux-gnu", ...CROSS_COMPILERS },
      then: OWN_COMPILER,
    }),
    VERIFY_GO_VERSION + minimumGo(facts.minimumGo),
    SETUP_ENV,
    placeBins("KUBE_OUTPUT_BIN"),
    OUTFILE_FOR_BINARY,
    buildSomeBinaries({
      install: "GOPROXY=off go install",
      folder: `$(go list -find -f '{{.Dir}}' "\${package}")`,
      coverpkg: "k8s.io/...",
    }),
    buildForPlatform({
      isStatic: "kube::golang::is_statically_linked",
      installsuffix: "-installsuffix=static",
      flags: ['-gcflags="${gogcflags}"', '-ldflags="${goldflags}"', '-tags="${gotags}"'],
      tell: true,
      dynamicFlags: raw` \${KUBE_RACE:+"\${KUBE_RACE}"}`,
    }),
    BUILD_PLATFORMS,
    BUILD_BINARIES,
  ].join("\n");
}

const NORMALIZE = raw`# Turns targets, as users write them, into names that go understands.
kube::golang::best_guess_go_targets() {
  local target
  for target; do
    if [[ "\${target}" == "ginkgo" ||
          "\${target}" == "github.com/onsi/ginkgo/ginkgo" ||
          "\${target}" == "vendor/github.com/onsi/ginkgo/ginkgo" ]]; then
      echo "github.com/onsi/ginkgo/v2/ginkgo"
    elif [[ "\${target}" =~ ^([[:alnum:]]+".")+[[:alnum:]]+"/".+ ]]; then
      echo "\${target}"
    elif [[ "\${target}" =~ ^vendor/ ]]; then
      echo "\${target#"vendor/"}"
    elif [[ "\${target}" =~ ^\./ ]]; then
      echo "\${target}"
    else
      echo "./\${target}"
    fi
  done
}

kube::golang::internal::lazy_normalize() {
  if [[ "$1" =~ ^([[:alnum:]]+".")+[[:alnum:]]+"/".+ ]]; then
    echo "$1"
  else
    go list -find -e "$1"
  fi
}

# Turns targets into packages; "dir/x.test" and "dir/..." keep their last part.
kube::golang::normalize_go_targets() {
  local targets=() target
  kube::util::read-array targets < <(kube::golang::best_guess_go_targets "$@")
  kube::util::read-array targets < <(kube::golang::dedup "\${targets[@]}")
  for target in "\${targets[@]}"; do
    if [[ "\${target}" =~ ".test"$ || "\${target}" =~ "/..."$ ]]; then
      echo "$(kube::golang::internal::lazy_normalize "$(dirname "\${target}")")/$(basename "\${target}")"
    else
      kube::golang::internal::lazy_normalize "\${target}"
    fi
  done
}
`;

const VERIFY_GO_VERSION = raw`# GO_VERSION: the wanted Go, from .go-version when unset.
# FORCE_HOST_GO: takes the go in PATH, whatever it is.
kube::golang::internal::verify_go_version() {
${CHOOSE_GO}`;

const SETUP_ENV = raw`# Sets GOPATH, GOCACHE and GOMODCACHE, all of them in the output folder.
kube::golang::setup_env() {
  export GOPATH="\${KUBE_GOPATH}"
  export GOCACHE="\${GOCACHE:-"\${KUBE_GOPATH}/cache/build"}"
  export GOMODCACHE="\${GOMODCACHE:-"\${KUBE_GOPATH}/cache/mod"}"
  export PATH="\${KUBE_GOPATH}/bin:\${PATH}"
  unset GOBIN
  unset GO111MODULE
  unset GOWORK
  kube::golang::internal::verify_go_version
}
`;

const BUILD_BINARIES =
  raw`# Builds the targets that are named, or all of them. The caller has run setup_env.
kube::golang::build_binaries() {
  V=2 kube::log::info "Go version: $(GOFLAGS='' go version)"

  local host_platform
  host_platform=$(kube::golang::host_platform)
  local -a goflags=() targets=() platforms=() binaries=()
  local gogcflags="\${GOGCFLAGS:-}" goldflags gotags tracing=""
  goldflags="all=$(kube::version::ldflags) \${GOLDFLAGS:-}"
  if [[ "\${DBG:-}" != 1 ]]; then
    goflags=("-trimpath")
    goldflags+=" -s -w"
    tracing=",grpcnotrace"
  else
    gogcflags+=" all=-N -l"
  fi
  gotags="selinux,notest\${tracing},$(echo "\${GOFLAGS:-}" | sed -ne 's|.*-tags=\([^-]*\).*|\1|p')"

  kube::golang::internal::sort_arguments "$@"
  read -ra platforms <<< "\${KUBE_BUILD_PLATFORMS:-\${host_platform}}"
  kube::util::read-array targets < <(kube::golang::dedup "\${targets[@]}")
  kube::util::read-array binaries < <(kube::golang::normalize_go_targets "\${targets[@]}")
  kube::util::read-array binaries < <(kube::golang::dedup "\${binaries[@]}")

  kube::golang::internal::build_platforms
}
`;
