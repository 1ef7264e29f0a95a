import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import {
  BUILD_PLATFORMS,
  CROSS_COMPILERS,
  GOPATH_TREE,
  HOST_PLATFORM,
  inGopath,
  minimumGo,
  placeBins,
  platformEnvs,
} from "./scripts_golang.ts";
import { BINARIES_FROM_TARGETS, VERIFY_GO_VERSION } from "./scripts_golang_120.ts";

/**
 * The build half of `hack/lib/golang.sh` in 1.7 (T7:202-740). Go's version is compared as a number
 * and `go test` goes without `-i`, or no Go of today could build the sample.
 */
export function golangBuild17(facts: EraFacts): string {
  return [
    BINDATAS,
    STATIC(facts.staticArray),
    BINARIES_FROM_TARGETS,
    HOST_PLATFORM,
    platformEnvs({
      when: `"$(kube::golang::host_platform)" == "linux/amd64"`,
      compilers: CROSS_COMPILERS,
    }),
    GOPATH_TREE,
    VERIFY_GO_VERSION + minimumGo(facts.minimumGo),
    SETUP_ENV,
    placeBins("KUBE_OUTPUT_BINPATH"),
    OUTPUT_FILENAME,
    TOOLCHAIN,
    BUILD_FOR_PLATFORM,
    BUILD_PLATFORMS,
    BUILD_BINARIES,
  ].join("\n");
}

const BINDATAS = raw`# Files that say "go:generate".
readonly KUBE_BINDATAS=(
  test/e2e/generated/gobindata_util.go
)
`;

const STATIC = (array: string) =>
  raw`kube::golang::is_statically_linked_library() {
  local e
  for e in "\${${array}[@]}"; do [[ "$1" == *"/$e" ]] && return 0; done;
  if [ -n "\${KUBE_STATIC_OVERRIDES:+x}" ]; then
    for e in "\${KUBE_STATIC_OVERRIDES[@]}"; do [[ "$1" == *"/$e" ]] && return 0; done;
  fi
  return 1;
}
`;

const SETUP_ENV = raw`# Sets GOPATH and steps into it.
kube::golang::setup_env() {
  kube::golang::verify_go_version
  kube::golang::create_gopath_tree

  export GOPATH=\${KUBE_GOPATH}
  if [[ -n \${KUBE_EXTRA_GOPATH:-} ]]; then
    GOPATH="\${GOPATH}:\${KUBE_EXTRA_GOPATH}"
  fi
${inGopath()}}
`;

const OUTPUT_FILENAME = raw`kube::golang::output_filename_for_binary() {
  local output_path="\${KUBE_GOPATH}/bin"
  local bin=$(basename "$1")
  if [[ $2 != $host_platform ]]; then
    output_path="\${output_path}/\${2//\//_}"
  fi
  if [[ \${GOOS} == "windows" ]]; then
    bin="\${bin}.exe"
  fi
  echo "\${output_path}/\${bin}"
}
`;

const TOOLCHAIN = raw`# Builds what the builds below need, for the host.
kube::golang::build_kube_toolchain() {
  local targets=(
    hack/cmd/teststale
    vendor/github.com/jteeuwen/go-bindata/go-bindata
  )
  local binaries
  binaries=($(kube::golang::binaries_from_targets "\${targets[@]}"))

  kube::log::status "Building the toolchain targets:" "\${binaries[@]}"
  go install "\${goflags[@]:+\${goflags[@]}}" \
        -gcflags "\${gogcflags}" \
        -ldflags "\${goldflags}" \
        "\${binaries[@]:+\${binaries[@]}}"
}
`;

const BUILD_FOR_PLATFORM = raw`kube::golang::build_binaries_for_platform() {
  local platform=$1

  local -a statics=()
  local -a nonstatics=()
  local -a tests=()
  local binary
  for binary in "\${binaries[@]}"; do
    if [[ "\${binary}" =~ ".test"$ ]]; then
      tests+=($binary)
    elif kube::golang::is_statically_linked_library "\${binary}"; then
      statics+=($binary)
    else
      nonstatics+=($binary)
    fi
  done

  if [[ "\${#nonstatics[@]}" != 0 ]]; then
    go install "\${goflags[@]:+\${goflags[@]}}" \
      -gcflags "\${gogcflags}" \
      -ldflags "\${goldflags}" \
      "\${nonstatics[@]:+\${nonstatics[@]}}"
  fi
  if [[ "\${#statics[@]}" != 0 ]]; then
    CGO_ENABLED=0 go install -installsuffix cgo "\${goflags[@]:+\${goflags[@]}}" \
      -gcflags "\${gogcflags}" \
      -ldflags "\${goldflags}" \
      "\${statics[@]:+\${statics[@]}}"
  fi

  local test
  for test in "\${tests[@]:+\${tests[@]}}"; do
    local outfile=$(kube::golang::output_filename_for_binary "\${test}" "\${platform}")
    mkdir -p "$(dirname \${outfile})"
    go test -c \
      "\${goflags[@]:+\${goflags[@]}}" \
      -gcflags "\${gogcflags}" \
      -ldflags "\${goldflags}" \
      -o "\${outfile}" \
      "$(dirname \${test})"
  done
}
`;

const BUILD_BINARIES = raw`# Builds the targets that are named, or all of them.
kube::golang::build_binaries() {
  (
    kube::golang::setup_env
    V=2 kube::log::info "Go version: $(go version)"

    local host_platform
    host_platform=$(kube::golang::host_platform)

    # Words in quotes stay together.
    local goflags goldflags gogcflags
    eval "goflags=(\${KUBE_GOFLAGS:-})"
    goldflags="\${KUBE_GOLDFLAGS:-} $(kube::version::ldflags)"
    gogcflags="\${KUBE_GOGCFLAGS:-}"

    local -a targets=() platforms=(\${KUBE_BUILD_PLATFORMS:-})
    kube::golang::internal::sort_arguments "$@"
    if [[ \${#platforms[@]} -eq 0 ]]; then
      platforms=("\${host_platform}")
    fi

    local binaries
    binaries=($(kube::golang::binaries_from_targets "\${targets[@]}"))

    kube::golang::build_kube_toolchain

    kube::log::status "Generating bindata:" "\${KUBE_BINDATAS[@]}"
    local bindata
    for bindata in \${KUBE_BINDATAS[@]}; do
      if [[ -f "\${KUBE_ROOT}/\${bindata}" ]]; then
        go generate "\${goflags[@]:+\${goflags[@]}}" "\${KUBE_ROOT}/\${bindata}"
      fi
    done

    kube::golang::internal::build_platforms
  )
}
`;
