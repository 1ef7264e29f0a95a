import type { EraFacts } from "./eras.ts";
import { raw } from "./raw.ts";
import {
  BUILD_PLATFORMS,
  buildSomeBinaries,
  HOST_PLATFORM,
  minimumGo,
  OUTFILE_FOR_BINARY,
  placeBins,
} from "./scripts_golang.ts";

/** The build half of `hack/lib/golang.sh` in 1.35: a Go workspace (T35:319-1000). */
export function golangBuild135(facts: EraFacts): string {
  return [
    STATIC,
    NORMALIZE,
    HOST_PLATFORM,
    PLATFORM_ENVS,
    VERIFY_GO_VERSION + minimumGo(facts.minimumGo),
    SETUP_ENV,
    placeBins("KUBE_OUTPUT_BIN"),
    OUTFILE_FOR_BINARY,
    buildSomeBinaries({
      install: "GOPROXY=off go install",
      folder: `$(go list -find -f '{{.Dir}}' "\${package}")`,
      coverpkg: "k8s.io/...",
    }),
    BUILD_FOR_PLATFORM,
    BUILD_PLATFORMS,
    BUILD_BINARIES,
  ].join("\n");
}

const STATIC = raw`# Names that are built with cgo all the same, and names that join the list above.
IFS=" " read -ra KUBE_CGO_OVERRIDES_LIST <<< "\${KUBE_CGO_OVERRIDES:-}"
readonly KUBE_CGO_OVERRIDES_LIST
IFS=" " read -ra KUBE_STATIC_OVERRIDES_LIST <<< "\${KUBE_STATIC_OVERRIDES:-}"
readonly KUBE_STATIC_OVERRIDES_LIST

kube::golang::is_statically_linked() {
  local e
  # kubectl made on a Mac for a Mac uses cgo.
  [[ "$(go env GOHOSTOS)" == "darwin" && "$(go env GOOS)" == "darwin" && "$1" == *"/kubectl" ]] && return 1
  if [[ -n "\${KUBE_CGO_OVERRIDES_LIST:+x}" ]]; then
    for e in "\${KUBE_CGO_OVERRIDES_LIST[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 1; done
  fi
  for e in "\${KUBE_STATIC_BINARIES[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 0; done
  if [[ -n "\${KUBE_STATIC_OVERRIDES_LIST:+x}" ]]; then
    for e in "\${KUBE_STATIC_OVERRIDES_LIST[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 0; done
  fi
  return 1
}
`;

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

const PLATFORM_ENVS = raw`kube::golang::set_platform_envs() {
  export GOOS=\${platform%/*}
  export GOARCH=\${platform##*/}

  if [[ $(kube::golang::host_platform) != "\${platform}" ]]; then
    case "\${platform}" in
      "linux/amd64")
        export CGO_ENABLED=1
        export CC=\${KUBE_LINUX_AMD64_CC:-x86_64-linux-gnu-gcc}
        ;;
      "linux/arm")
        export CGO_ENABLED=1
        export CC=\${KUBE_LINUX_ARM_CC:-arm-linux-gnueabihf-gcc}
        ;;
      "linux/arm64")
        export CGO_ENABLED=1
        export CC=\${KUBE_LINUX_ARM64_CC:-aarch64-linux-gnu-gcc}
        ;;
      "linux/ppc64le")
        export CGO_ENABLED=1
        export CC=\${KUBE_LINUX_PPC64LE_CC:-powerpc64le-linux-gnu-gcc}
        ;;
      "linux/s390x")
        export CGO_ENABLED=1
        export CC=\${KUBE_LINUX_S390X_CC:-s390x-linux-gnu-gcc}
        ;;
    esac
  fi

  # A compiler that the user names turns cgo on.
  local ccenv
  ccenv=$(echo "\${platform}" | awk -F/ '{print "KUBE_" toupper($1) "_" toupper($2) "_CC"}')
  if [[ -n "\${!ccenv-}" ]]; then
    export CGO_ENABLED=1
    export CC="\${!ccenv}"
  fi
}
`;

const VERIFY_GO_VERSION = raw`# GO_VERSION: the wanted Go, from .go-version when unset.
# FORCE_HOST_GO: takes the go in PATH, whatever it is.
kube::golang::internal::verify_go_version() {
  GO_VERSION="\${GO_VERSION:-"$(cat "\${KUBE_ROOT}/.go-version")"}"
  if [[ "\${GOTOOLCHAIN:-auto}" == "auto" ]]; then
    if [[ -n "\${FORCE_HOST_GO:-}" ]]; then
      export GOTOOLCHAIN='local'
    else
      GOTOOLCHAIN="go\${GO_VERSION}"
      export GOTOOLCHAIN
    fi
  fi

  if [[ -z "$(command -v go)" ]]; then
    kube::log::usage "There is no 'go' in PATH."
    return 2
  fi
`;

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

const BUILD_FOR_PLATFORM = raw`kube::golang::build_binaries_for_platform() {
  umask 0022

  local platform=$1
  local -a statics=()
  local -a nonstatics=()
  local -a tests=()
  local binary

  for binary in "\${binaries[@]}"; do
    if [[ "\${binary}" =~ ".test"$ ]]; then
      tests+=("\${binary}")
      kube::log::info "    \${binary} (test)"
    elif kube::golang::is_statically_linked "\${binary}"; then
      statics+=("\${binary}")
      kube::log::info "    \${binary} (static)"
    else
      nonstatics+=("\${binary}")
      kube::log::info "    \${binary} (non-static\${KUBE_RACE:+, race detection})"
    fi
  done

  local -a build_args
  if [[ "\${#statics[@]}" != 0 ]]; then
    build_args=(
      -installsuffix=static
      \${goflags:+"\${goflags[@]}"}
      -gcflags="\${gogcflags}"
      -ldflags="\${goldflags}"
      -tags="\${gotags:-}"
    )
    CGO_ENABLED=0 kube::golang::build_some_binaries "\${statics[@]}"
  fi

  if [[ "\${#nonstatics[@]}" != 0 ]]; then
    build_args=(
      \${goflags:+"\${goflags[@]}"}
      -gcflags="\${gogcflags}"
      -ldflags="\${goldflags}"
      -tags="\${gotags:-}"
    )
    if [[ -n "\${KUBE_RACE:-}" ]]; then
      build_args+=("\${KUBE_RACE}")
    fi
    kube::golang::build_some_binaries "\${nonstatics[@]}"
  fi

  local test outfile
  for test in "\${tests[@]:+\${tests[@]}}"; do
    outfile=$(kube::golang::outfile_for_binary "\${test}" "\${platform}")
    mkdir -p "$(dirname "\${outfile}")"
    go test -c \
      \${goflags:+"\${goflags[@]}"} \
      -gcflags="\${gogcflags}" \
      -ldflags="\${goldflags}" \
      -tags="\${gotags:-}" \
      -o "\${outfile}" \
      "$(dirname "\${test}")"
  done
}
`;

const BUILD_BINARIES =
  raw`# Builds the targets that are named, or all of them. The caller has run setup_env.
kube::golang::build_binaries() {
  V=2 kube::log::info "Go version: $(GOFLAGS='' go version)"

  local host_platform
  host_platform=$(kube::golang::host_platform)

  local goflags goldflags gogcflags gotags grpcnotrace=""
  goflags=()
  gogcflags="\${GOGCFLAGS:-}"
  goldflags="all=$(kube::version::ldflags) \${GOLDFLAGS:-}"
  if [[ "\${DBG:-}" == 1 ]]; then
    gogcflags="\${gogcflags} all=-N -l"
  else
    goldflags="\${goldflags} -s -w"
    goflags+=("-trimpath")
    grpcnotrace=",grpcnotrace"
  fi
  gotags="selinux,notest\${grpcnotrace},$(echo "\${GOFLAGS:-}" | sed -ne 's|.*-tags=\([^-]*\).*|\1|p')"

  local -a targets=()
  local arg
  for arg; do
    if [[ "\${arg}" == -* ]]; then
      goflags+=("\${arg}")
    else
      targets+=("\${arg}")
    fi
  done

  local -a platforms
  IFS=" " read -ra platforms <<< "\${KUBE_BUILD_PLATFORMS:-}"
  if [[ \${#platforms[@]} -eq 0 ]]; then
    platforms=("\${host_platform}")
  fi

  if [[ \${#targets[@]} -eq 0 ]]; then
    targets=("\${KUBE_ALL_TARGETS[@]}")
  fi
  kube::util::read-array targets < <(kube::golang::dedup "\${targets[@]}")

  local -a binaries
  kube::util::read-array binaries < <(kube::golang::normalize_go_targets "\${targets[@]}")
  kube::util::read-array binaries < <(kube::golang::dedup "\${binaries[@]}")

  kube::golang::internal::build_platforms
}
`;
