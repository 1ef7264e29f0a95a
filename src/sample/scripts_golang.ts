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

/**
 * The override lists and the function that knows which programs are built with CGO_ENABLED=0.
 *
 * @param options Names of the function, of the array of static programs, and what the names of the
 *   lists made from KUBE_CGO_OVERRIDES and KUBE_STATIC_OVERRIDES end with.
 */
export function staticPrograms(
  options: { readonly name: string; readonly array: string; readonly suffix: string },
): string {
  const cgo = `KUBE_CGO_OVERRIDES${options.suffix}`;
  const fixed = `KUBE_STATIC_OVERRIDES${options.suffix}`;
  return raw`# Names that are built with cgo all the same, and names that join the list above.
IFS=" " read -ra ${cgo} <<< "\${KUBE_CGO_OVERRIDES:-}"
readonly ${cgo}
IFS=" " read -ra ${fixed} <<< "\${KUBE_STATIC_OVERRIDES:-}"
readonly ${fixed}

kube::golang::${options.name}() {
  local -r name="\${1##*/}"
  # kubectl made on a Mac for a Mac uses cgo.
  if [[ "\${name}" == kubectl && "$(go env GOHOSTOS) $(go env GOOS)" == "darwin darwin" ]]; then
    return 1
  fi
  ! kube::util::array_contains "\${name}" \${${cgo}[@]:+"\${${cgo}[@]}"} || return 1
  kube::util::array_contains "\${name}" "\${${options.array}[@]}" \${${fixed}[@]:+"\${${fixed}[@]}"}
}
`;
}

/**
 * `kube::golang::set_platform_envs`: GOOS, GOARCH, and cgo's compiler where one is needed.
 *
 * @param options When compilers are set, for which platforms, and what follows.
 */
export function platformEnvs(
  options: {
    readonly when: string;
    readonly compilers: Readonly<Record<string, string>>;
    readonly then?: string;
  },
): string {
  const cases = Object.entries(options.compilers).map(([platform, gcc]) =>
    `      ${platform}) compiler=${gcc}-gcc ;;\n`
  ).join("");
  return raw`# The variable that names the C compiler of a platform: KUBE_LINUX_ARM64_CC.
kube::golang::internal::cc_variable() {
  echo "KUBE_$1_CC" | tr 'a-z/' 'A-Z_'
}

kube::golang::set_platform_envs() {
  local -r platform=$1
  local compiler="" variable
  variable=$(kube::golang::internal::cc_variable "\${platform}")
  export GOOS=\${platform%/*} GOARCH=\${platform##*/}

  if [[ ${options.when} ]]; then
    case "\${platform}" in
${cases}    esac
  fi
  if [[ -n "\${compiler}" ]]; then
    export CGO_ENABLED=1 CC="\${!variable:-\${compiler}}"
  fi
${options.then ?? ""}}
`;
}

/** The C compilers of Debian for the platforms of servers. */
export const CROSS_COMPILERS: Readonly<Record<string, string>> = {
  "linux/arm": "arm-linux-gnueabihf",
  "linux/arm64": "aarch64-linux-gnu",
  "linux/ppc64le": "powerpc64le-linux-gnu",
  "linux/s390x": "s390x-linux-gnu",
};

/** The end of `set_platform_envs` since 1.28. */
export const OWN_COMPILER: string = raw`  # A compiler that the user names turns cgo on.
  if [[ -n "\${!variable-}" ]]; then
    export CGO_ENABLED=1 CC="\${!variable}"
  fi
`;

/** `kube::golang::create_gopath_tree`. */
export const GOPATH_TREE: string =
  raw`# Makes the GOPATH whose k8s.io/kubernetes is a link to this checkout.
kube::golang::create_gopath_tree() {
  local go_pkg_dir="\${KUBE_GOPATH}/src/\${KUBE_GO_PACKAGE}"
  mkdir -p "$(dirname "\${go_pkg_dir}")"
  if [[ ! -e "\${go_pkg_dir}" || "$(readlink "\${go_pkg_dir}")" != "\${KUBE_ROOT}" ]]; then
    ln -snf "\${KUBE_ROOT}" "\${go_pkg_dir}"
  fi
}
`;

/** The end of `setup_env` in GOPATH mode: the working directory, GOROOT and what must not be set. */
export function inGopath(): string {
  return raw`
  local subdir
  subdir=$(kube::realpath .)
  cd "\${KUBE_GOPATH}/src/\${KUBE_GO_PACKAGE}/\${subdir#"\${KUBE_ROOT}"}" || return 1

  GOROOT=$(go env GOROOT)
  export GOROOT
  unset GOBIN
  export GO15VENDOREXPERIMENT=1
`;
}

/** The first half of `build_binaries` in GOPATH mode: arguments and platforms. */
export const START_IN_GOPATH: string = raw`    kube::golang::setup_env
    V=2 kube::log::info "Go version: $(GOFLAGS='' go version)"

    local host_platform
    host_platform=$(kube::golang::host_platform)
    local -a goflags=() targets=() platforms=() binaries=()
    kube::golang::internal::sort_arguments "$@"
    read -ra platforms <<< "\${KUBE_BUILD_PLATFORMS:-\${host_platform}}"
`;

/** The choice of Go in `verify_go_version` since 1.28 (backported); the function goes on. */
export const CHOOSE_GO: string =
  raw`  GO_VERSION="\${GO_VERSION:-"$(cat "\${KUBE_ROOT}/.go-version")"}"
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

/** `kube::golang::outfile_for_binary`: where `go install` would put a program. */
export const OUTFILE_FOR_BINARY = raw`kube::golang::outfile_for_binary() {
  local file="\${KUBE_GOPATH}/bin"
  if [[ "$2" != "\${host_platform}" ]]; then
    file+="/\${2%/*}_\${2#*/}"
  fi
  file+="/\${1##*/}"
  if [[ "\${GOOS}" == "windows" ]]; then
    file+=".exe"
  fi
  echo "\${file}"
}
`;

/**
 * `kube::golang::place_bins`, without rsync.
 *
 * @param outputBin The variable that holds the directory of finished programs.
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
 * @param options How `go install` is started, the directory of a package, and `-coverpkg`.
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

# Builds one package as a test that measures coverage.
kube::golang::internal::build_covered() {
  local file
  file=$(kube::golang::outfile_for_binary "$1" "\${platform}")
  V=2 kube::log::info "Building $1 with coverage..."
  kube::util::trap_add "kube::golang::delete_coverage_dummy_test \"$1\"" EXIT
  kube::golang::create_coverage_dummy_test "$1"
  go test -c -o "\${file}" -covermode count -coverpkg ${options.coverpkg} "\${build_args[@]}" -tags coverage "$1"
}

# Builds packages; reads build_args and platform of the caller.
kube::golang::build_some_binaries() {
  local -a plain=()
  local package
  for package; do
    if [[ -n "\${KUBE_BUILD_WITH_COVERAGE:-}" ]] && kube::golang::is_instrumented_package "\${package}"; then
      kube::golang::internal::build_covered "\${package}"
    else
      plain+=("\${package}")
    fi
  done
  if [[ \${#plain[@]} -gt 0 ]]; then
    ${options.install} "\${build_args[@]}" "\${plain[@]}"
  fi
}
`;
}

/**
 * `kube::golang::build_binaries_for_platform`: three groups of the caller's binaries.
 *
 * @param options The function that knows static programs, and go's flags.
 */
export function buildForPlatform(
  options: {
    readonly isStatic: string;
    readonly installsuffix: string;
    readonly flags: readonly string[];
    /** Whether each program is logged, with the way it is built. */
    readonly tell?: boolean;
    readonly dynamicFlags?: string;
  },
): string {
  const tell = (indent: string, how: string) =>
    options.tell ? `${indent}kube::log::info "    \${binary} (${how})"\n` : "";
  const flags = options.flags.map((flag) => `    ${flag}\n`).join("");
  return raw`kube::golang::build_binaries_for_platform() {
  umask 0022
  local -r platform=$1
  local -a fixed=() dynamic=() tests=() build_args=()
  local binary file

  # What go gets for every group.
  local -a shared=(
    \${goflags:+"\${goflags[@]}"}
${flags}  )

  for binary in "\${binaries[@]}"; do
    case "\${binary}" in
      *.test)
        tests+=("\${binary}")
${tell("        ", "test")}        ;;
      *)
        if ${options.isStatic} "\${binary}"; then
          fixed+=("\${binary}")
${tell("          ", "static")}        else
          dynamic+=("\${binary}")
${tell("          ", "non-static${KUBE_RACE:+, race detection}")}        fi
        ;;
    esac
  done

  if [[ \${#fixed[@]} -gt 0 ]]; then
    build_args=(${options.installsuffix} "\${shared[@]}")
    CGO_ENABLED=0 kube::golang::build_some_binaries "\${fixed[@]}"
  fi
  if [[ \${#dynamic[@]} -gt 0 ]]; then
    build_args=("\${shared[@]}"${options.dynamicFlags ?? ""})
    kube::golang::build_some_binaries "\${dynamic[@]}"
  fi
  for binary in \${tests[@]:+"\${tests[@]}"}; do
    file=$(kube::golang::outfile_for_binary "\${binary}" "\${platform}")
    mkdir -p "\${file%/*}"
    go test -c "\${shared[@]}" -o "\${file}" "\${binary%/*}"
  done
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

# Sorts arguments into the caller's goflags and targets.
kube::golang::internal::sort_arguments() {
  local argument
  for argument; do
    case "\${argument}" in
      -*) goflags+=("\${argument}") ;;
      *) targets+=("\${argument}") ;;
    esac
  done
  if [[ \${#targets[@]} -eq 0 ]]; then
    targets=("\${KUBE_ALL_TARGETS[@]}")
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
