/**
 * What the build halves of `hack/lib/golang.sh` share: coverage, places of binaries, memory.
 *
 * @module
 */
import { raw } from "./raw.ts";

/** `kube::golang::host_platform`. */
export const HOST_PLATFORM = raw`kube::golang::host_platform() {
  echo "$(go env GOHOSTOS)/$(go env GOHOSTARCH)"
}
`;

/**
 * Compares go's version with the lowest one that is allowed; the last half of
 * `verify_go_version`.
 */
export function minimumGo(version: string): string {
  return raw`
  local go_version
  IFS=" " read -ra go_version <<< "$(GOFLAGS='' go version)"
  local minimum_go_version
  minimum_go_version=go${version}
  local lowest
  lowest=$(printf '%s\n' "\${minimum_go_version}" "\${go_version[2]}" | sort -s -t. -k 1,1 -k 2,2n -k 3,3n | head -n1)
  if [[ "\${minimum_go_version}" != "\${lowest}" && "\${go_version[2]}" != "devel" ]]; then
    kube::log::usage "Found \${go_version[*]}; this checkout needs \${minimum_go_version} or later."
    return 2
  fi
}
`;
}

/** `kube::golang::outfile_for_binary`: where `go install` would put a program. */
export const OUTFILE_FOR_BINARY = raw`kube::golang::outfile_for_binary() {
  local binary=$1
  local platform=$2
  local output_path="\${KUBE_GOPATH}/bin"
  local bin
  bin=$(basename "\${binary}")
  if [[ "\${platform}" != "\${host_platform}" ]]; then
    output_path="\${output_path}/\${platform//\//_}"
  fi
  if [[ \${GOOS} == "windows" ]]; then
    bin="\${bin}.exe"
  fi
  echo "\${output_path}/\${bin}"
}
`;

/**
 * `kube::golang::place_bins`, without rsync.
 *
 * @param outputBin The variable that holds the folder of finished programs.
 */
export function placeBins(outputBin: string): string {
  return raw`# Copies what go installed to the folder of finished programs.
kube::golang::place_bins() {
  local host_platform
  host_platform=$(kube::golang::host_platform)

  V=2 kube::log::status "Placing binaries"

  local platform
  for platform in "\${KUBE_CLIENT_PLATFORMS[@]}"; do
    local platform_src="/\${platform//\//_}"
    if [[ "\${platform}" == "\${host_platform}" ]]; then
      platform_src=""
      mkdir -p "$(dirname "\${THIS_PLATFORM_BIN}")"
      rm -f "\${THIS_PLATFORM_BIN}"
      ln -s "\${${outputBin}}/\${platform}" "\${THIS_PLATFORM_BIN}"
    fi

    local full_binpath_src="\${KUBE_GOPATH}/bin\${platform_src}"
    if [[ -d "\${full_binpath_src}" ]]; then
      mkdir -p "\${${outputBin}}/\${platform}"
      find "\${full_binpath_src}" -maxdepth 1 -type f -exec cp -p {} "\${${outputBin}}/\${platform}" \;
    fi
  done
}
`;
}

/**
 * The coverage functions and `kube::golang::build_some_binaries`.
 *
 * @param options How `go install` is started, the folder of a package, and `-coverpkg`.
 */
export function buildSomeBinaries(
  options: { readonly install: string; readonly folder: string; readonly coverpkg: string },
): string {
  return raw`kube::golang::is_instrumented_package() {
  kube::util::array_contains "$1" "\${KUBE_COVERAGE_INSTRUMENTED_PACKAGES[@]}"
}

kube::golang::path_for_coverage_dummy_test() {
  local package="$1"
  local path
  path="${options.folder}"
  echo "\${path}/zz_generated_$(basename "\${package}")_test.go"
}

# Writes a test whose only work is to run the program and keep its coverage.
kube::golang::create_coverage_dummy_test() {
  local package="$1"
  cat <<EOF > "$(kube::golang::path_for_coverage_dummy_test "\${package}")"
package main
import (
  "testing"
  "k8s.io/kubernetes/pkg/util/coverage"
)

func TestMain(m *testing.M) {
  coverage.InitCoverage("$(basename "\${package}")")
  main()
  coverage.FlushCoverage()
}
EOF
}

kube::golang::delete_coverage_dummy_test() {
  rm -f "$(kube::golang::path_for_coverage_dummy_test "$1")"
}

# Builds packages; reads build_args and platform of the caller.
kube::golang::build_some_binaries() {
  if [[ -z "\${KUBE_BUILD_WITH_COVERAGE:-}" ]]; then
    V=2 kube::log::info "Coverage is disabled."
    ${options.install} "\${build_args[@]}" "$@"
    return
  fi
  local -a uncovered=()
  local package
  for package in "$@"; do
    if kube::golang::is_instrumented_package "\${package}"; then
      V=2 kube::log::info "Building \${package} with coverage..."
      kube::golang::create_coverage_dummy_test "\${package}"
      kube::util::trap_add "kube::golang::delete_coverage_dummy_test \"\${package}\"" EXIT
      go test -c -o "$(kube::golang::outfile_for_binary "\${package}" "\${platform}")" \
        -covermode count \
        -coverpkg ${options.coverpkg} \
        "\${build_args[@]}" \
        -tags coverage \
        "\${package}"
    else
      uncovered+=("\${package}")
    fi
  done
  if [[ "\${#uncovered[@]}" != 0 ]]; then
    V=2 kube::log::info "Building \${uncovered[*]} without coverage..."
    ${options.install} "\${build_args[@]}" "\${uncovered[@]}"
  fi
}
`;
}

/** `kube::golang::get_physmem` and a helper that builds platforms in a row or side by side. */
export const BUILD_PLATFORMS = raw`# GiB of memory that are free.
kube::golang::get_physmem() {
  local mem
  if mem=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null) && [[ -n "\${mem}" ]]; then
    echo $(( mem / 1048576 ))
  elif mem=$(sysctl -n hw.memsize 2>/dev/null); then
    echo $(( mem / 1073741824 ))
  else
    echo 1
  fi
}

# Builds the caller's targets for the caller's platforms.
kube::golang::internal::build_platforms() {
  local platform gigs=0
  if [[ \${#platforms[@]} -gt 1 ]]; then
    gigs=$(kube::golang::get_physmem)
  fi
  if [[ \${#platforms[@]} -le 1 || \${gigs} -lt \${KUBE_PARALLEL_BUILD_MEMORY} ]]; then
    for platform in "\${platforms[@]}"; do
      kube::log::status "Building go targets for \${platform}:" "\${targets[@]}"
      (
        kube::golang::set_platform_envs "\${platform}"
        kube::golang::build_binaries_for_platform "\${platform}"
      )
    done
    return
  fi
  kube::log::status "Building go targets for {\${platforms[*]}} in parallel:" "\${targets[@]}"
  for platform in "\${platforms[@]}"; do
    (
      kube::golang::set_platform_envs "\${platform}"
      kube::golang::build_binaries_for_platform "\${platform}"
      kube::log::status "\${platform}: build finished"
    ) &
  done
  kube::util::wait-for-jobs
}
`;
