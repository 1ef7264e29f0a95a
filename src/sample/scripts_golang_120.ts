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

/** The build half of `hack/lib/golang.sh` in 1.20: GOPATH mode (T20:332-808). */
export function golangBuild120(facts: EraFacts): string {
  return [
    STATIC,
    HOST_PLATFORM,
    PLATFORM_ENVS,
    GOPATH_TREE,
    VERIFY_GO_VERSION + minimumGo(facts.minimumGo),
    SETUP_ENV,
    placeBins("KUBE_OUTPUT_BINPATH"),
    OUTFILE_FOR_BINARY,
    buildSomeBinaries({
      install: "go install",
      folder: "${KUBE_GOPATH}/src/${package}",
      coverpkg: "k8s.io/...,k8s.io/kubernetes/vendor/k8s.io/...",
    }),
    BUILD_FOR_PLATFORM,
    BUILD_PLATFORMS,
    BUILD_BINARIES,
  ].join("\n");
}

const STATIC = raw`# Names that are built with cgo all the same, and names that join the list above.
IFS=" " read -ra KUBE_CGO_OVERRIDES <<< "\${KUBE_CGO_OVERRIDES:-}"
readonly KUBE_CGO_OVERRIDES
IFS=" " read -ra KUBE_STATIC_OVERRIDES <<< "\${KUBE_STATIC_OVERRIDES:-}"
readonly KUBE_STATIC_OVERRIDES

kube::golang::is_statically_linked_library() {
  local e
  # kubectl made on a Mac for a Mac uses cgo.
  [[ "$(go env GOHOSTOS)" == "darwin" && "$(go env GOOS)" == "darwin" && "$1" == *"/kubectl" ]] && return 1
  if [[ -n "\${KUBE_CGO_OVERRIDES:+x}" ]]; then
    for e in "\${KUBE_CGO_OVERRIDES[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 1; done
  fi
  for e in "\${KUBE_STATIC_LIBRARIES[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 0; done
  if [[ -n "\${KUBE_STATIC_OVERRIDES:+x}" ]]; then
    for e in "\${KUBE_STATIC_OVERRIDES[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 0; done
  fi
  return 1
}

# Turns targets into packages; what starts with a host name is one already.
kube::golang::binaries_from_targets() {
  local target
  for target; do
    if [[ "\${target}" =~ ^([[:alnum:]]+".")+[[:alnum:]]+"/" ]]; then
      echo "\${target}"
    else
      echo "\${KUBE_GO_PACKAGE}/\${target}"
    fi
  done
}
`;

const PLATFORM_ENVS = raw`kube::golang::set_platform_envs() {
  export GOOS=\${platform%/*}
  export GOARCH=\${platform##*/}

  # Only linux/amd64 has the cross compilers.
  if [[ $(kube::golang::host_platform) == "linux/amd64" ]]; then
    case "\${platform}" in
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
}

kube::golang::unset_platform_envs() {
  unset GOOS GOARCH GOROOT CGO_ENABLED CC
}
`;

const GOPATH_TREE = raw`# Makes the GOPATH whose k8s.io/kubernetes is a link to this checkout.
kube::golang::create_gopath_tree() {
  local go_pkg_dir="\${KUBE_GOPATH}/src/\${KUBE_GO_PACKAGE}"
  mkdir -p "$(dirname "\${go_pkg_dir}")"
  if [[ ! -e "\${go_pkg_dir}" || "$(readlink "\${go_pkg_dir}")" != "\${KUBE_ROOT}" ]]; then
    ln -snf "\${KUBE_ROOT}" "\${go_pkg_dir}"
  fi
}
`;

const VERIFY_GO_VERSION = raw`kube::golang::verify_go_version() {
  if [[ -z "$(command -v go)" ]]; then
    kube::log::usage "There is no 'go' in PATH."
    return 2
  fi
`;

const SETUP_ENV = raw`# Sets GOPATH and GOCACHE and steps into the GOPATH.
kube::golang::setup_env() {
  kube::golang::verify_go_version
  kube::golang::create_gopath_tree

  export GOPATH="\${KUBE_GOPATH}"
  export GOCACHE="\${KUBE_GOPATH}/cache"
  if [[ -n \${KUBE_EXTRA_GOPATH:-} ]]; then
    GOPATH="\${GOPATH}:\${KUBE_EXTRA_GOPATH}"
  fi
  export PATH="\${KUBE_GOPATH}/bin:\${PATH}"

  local subdir
  subdir=$(kube::realpath .)
  cd "\${KUBE_GOPATH}/src/\${KUBE_GO_PACKAGE}/\${subdir#"\${KUBE_ROOT}"}" || return 1

  GOROOT=$(go env GOROOT)
  export GOROOT
  unset GOBIN
  export GO15VENDOREXPERIMENT=1
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
    elif kube::golang::is_statically_linked_library "\${binary}"; then
      statics+=("\${binary}")
    else
      nonstatics+=("\${binary}")
    fi
  done

  local -a build_args
  if [[ "\${#statics[@]}" != 0 ]]; then
    build_args=(
      -installsuffix static
      \${goflags:+"\${goflags[@]}"}
      -gcflags "\${gogcflags:-}"
      -asmflags "\${goasmflags:-}"
      -ldflags "\${goldflags:-}"
      -tags "\${gotags:-}"
    )
    CGO_ENABLED=0 kube::golang::build_some_binaries "\${statics[@]}"
  fi

  if [[ "\${#nonstatics[@]}" != 0 ]]; then
    build_args=(
      \${goflags:+"\${goflags[@]}"}
      -gcflags "\${gogcflags:-}"
      -asmflags "\${goasmflags:-}"
      -ldflags "\${goldflags:-}"
      -tags "\${gotags:-}"
    )
    kube::golang::build_some_binaries "\${nonstatics[@]}"
  fi

  local test outfile
  for test in "\${tests[@]:+\${tests[@]}}"; do
    outfile=$(kube::golang::outfile_for_binary "\${test}" "\${platform}")
    mkdir -p "$(dirname "\${outfile}")"
    go test -c \
      \${goflags:+"\${goflags[@]}"} \
      -gcflags "\${gogcflags:-}" \
      -asmflags "\${goasmflags:-}" \
      -ldflags "\${goldflags:-}" \
      -tags "\${gotags:-}" \
      -o "\${outfile}" \
      "$(dirname "\${test}")"
  done
}
`;

const BUILD_BINARIES = raw`# Builds the targets that are named, or all of them.
kube::golang::build_binaries() {
  (
    kube::golang::setup_env
    V=2 kube::log::info "Go version: $(GOFLAGS='' go version)"

    local host_platform
    host_platform=$(kube::golang::host_platform)

    local goflags goldflags goasmflags gogcflags gotags
    # Unset means stripped; set, even to nothing, means as it is.
    # shellcheck disable=SC2153
    goldflags="\${GOLDFLAGS=-s -w -buildid=} $(kube::version::ldflags)"
    goasmflags="-trimpath=\${KUBE_ROOT}"
    gogcflags="\${GOGCFLAGS:-} -trimpath=\${KUBE_ROOT}"

    # shellcheck disable=SC2001
    gotags="selinux,notest,$(echo "\${GOFLAGS:-}" | sed -e 's|.*-tags=\([^-]*\).*|\1|')"

    local -a targets=()
    local arg
    for arg; do
      if [[ "\${arg}" == -* ]]; then
        goflags+=("\${arg}")
      else
        targets+=("\${arg}")
      fi
    done
    if [[ \${#targets[@]} -eq 0 ]]; then
      targets=("\${KUBE_ALL_TARGETS[@]}")
    fi

    local -a platforms
    IFS=" " read -ra platforms <<< "\${KUBE_BUILD_PLATFORMS:-}"
    if [[ \${#platforms[@]} -eq 0 ]]; then
      platforms=("\${host_platform}")
    fi

    local -a binaries
    kube::util::read-array binaries < <(kube::golang::binaries_from_targets "\${targets[@]}")

    kube::golang::internal::build_platforms
  )
}
`;
