/**
 * `hack/lib` of the samples without `golang.sh`: init, util, logging, version, etcd. They run
 * under bash, so that kbuild can be compared with the sample's own scripts.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { golangBuild17 } from "./scripts_golang_17.ts";
import { golangBuild120 } from "./scripts_golang_120.ts";
import { golangBuild128 } from "./scripts_golang_128.ts";
import { golangBuild135 } from "./scripts_golang_135.ts";
import { BASH_HEAD, golangLists } from "./scripts_targets.ts";
import { versionScript } from "./scripts_version.ts";
import type { Tree } from "./tree.ts";

/** `hack/lib/**`, and the logging that 1.7 keeps in cluster/lib. */
export function libScripts(facts: EraFacts): Tree {
  return {
    ...(facts.godeps ? {} : { "hack/lib/.gitattributes": "version.sh export-subst\n" }),
    "hack/lib/etcd.sh": etcd(facts),
    "hack/lib/golang.sh": `${golangLists(facts)}\n${golangBuild(facts)}`,
    "hack/lib/init.sh": init(facts),
    [loggingPath(facts)]: LOGGING,
    "hack/lib/util.sh": util(facts),
    "hack/lib/version.sh": versionScript(facts),
  };
}

function golangBuild(facts: EraFacts): string {
  if (facts.godeps) return golangBuild17(facts);
  if (facts.goMode === "gopath") return golangBuild120(facts);
  return facts.goMode === "modules" ? golangBuild128(facts) : golangBuild135(facts);
}

function loggingPath({ godeps }: EraFacts): string {
  return `${godeps ? "cluster" : "hack"}/lib/logging.sh`;
}

function init(facts: EraFacts): string {
  const { goMode, bindMount } = facts;
  const recent = goMode !== "gopath";
  const loaded = "# Once is enough.\n[[ $(type -t kube::init::loaded) == function ]] && return 0\n";
  const off =
    "# Packages come from GOPATH and vendor/, not from modules.\nexport GO111MODULE=off\n";
  const guard = [...(recent ? [loaded] : []), ...(goMode === "workspace" ? [] : [off])].join("\n");
  const output = goMode === "workspace"
    ? raw`_KUBE_OUTPUT_SUBPATH="\${KUBE_OUTPUT_SUBPATH:-_output/local}"
export KUBE_OUTPUT="\${KUBE_ROOT}/\${_KUBE_OUTPUT_SUBPATH}"
export KUBE_OUTPUT_BIN="\${KUBE_OUTPUT}/bin"
`
    : raw`KUBE_OUTPUT_SUBPATH="\${KUBE_OUTPUT_SUBPATH:-_output/local}"
KUBE_OUTPUT="\${KUBE_ROOT}/\${KUBE_OUTPUT_SUBPATH}"
KUBE_OUTPUT_BINPATH="\${KUBE_OUTPUT}/bin"
`;
  const bashVersion = recent ? "kube::util::ensure-bash-version\n" : "";
  const rsync = bindMount ? "" : raw`KUBE_RSYNC_COMPRESS="\${KUBE_RSYNC_COMPRESS:-0}"
`;
  const end = recent
    ? raw`# Says that this file has been sourced.
kube::init::loaded() {
  return 0
}
`
    : raw`KUBE_OUTPUT_HOSTBIN="\${KUBE_OUTPUT_BINPATH}/$(kube::util::host_platform)"
export KUBE_OUTPUT_HOSTBIN
`;
  return raw`${BASH_HEAD}set -o errexit
set -o nounset
set -o pipefail

${guard}
# A CDPATH makes cd print the folder.
unset CDPATH

# The root of this checkout.
KUBE_ROOT="$(cd "$(dirname "\${BASH_SOURCE[0]}")/../.." && pwd -P)"

${output}
# A link to the programs of the host's platform.
export THIS_PLATFORM_BIN="\${KUBE_ROOT}/_output/bin"

${rsync}export no_proxy="127.0.0.1,localhost\${no_proxy:+,\${no_proxy}}"

source "\${KUBE_ROOT}/hack/lib/util.sh"
source "\${KUBE_ROOT}/${loggingPath(facts)}"

kube::log::install_errexit
${bashVersion}
source "\${KUBE_ROOT}/hack/lib/version.sh"
source "\${KUBE_ROOT}/hack/lib/golang.sh"
source "\${KUBE_ROOT}/hack/lib/etcd.sh"

# Group versions of the API, the preferred ones first.
KUBE_AVAILABLE_GROUP_VERSIONS="\${KUBE_AVAILABLE_GROUP_VERSIONS:-\
v1 \
apps/v1 \
autoscaling/v1 \
}"

# Group versions that the server does not serve.
KUBE_NONSERVER_GROUP_VERSIONS="
 abac.authorization.kubernetes.io/v1beta1 \
"
export KUBE_NONSERVER_GROUP_VERSIONS

# What "readlink -f" prints, where there is none.
function kube::readlinkdashf {
  local -r path=$1
  local folder
  if [[ -d "\${path}" ]]; then
    (cd "\${path}" && pwd -P)
  elif [[ -L "\${path}" ]]; then
    readlink "\${path}"
  else
    folder=$(cd "$(dirname "\${path}")" && pwd -P)
    echo "\${folder}/\${path##*/}"
  fi
}

kube::realpath() {
  if [[ ! -e "\${1}" ]]; then
    echo "\${1}: there is no such file" >&2
    return 1
  fi
  kube::readlinkdashf "\${1}"
}

${end}`;
}

function util({ goMode }: EraFacts): string {
  const newer = raw`
# Finds a date that knows --date=@SECONDS.
function kube::util::ensure-gnu-date {
  DATE=date
  if ! date --version 2>&1 | grep -q GNU; then
    DATE=gdate
  fi
  if ! "\${DATE}" --version 2>&1 | grep -q GNU; then
    kube::log::error "There is no GNU date in PATH."
    return 1
  fi
}

function kube::util::ensure-bash-version {
  if (( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 402 )); then
    kube::log::error "These scripts need bash 4.2 or later; this is \${BASH_VERSION}."
    exit 1
  fi
}

function kube::util::ensure-docker-buildx {
  docker buildx version > /dev/null
}
`;
  return raw`${BASH_HEAD}# Whether $1 is one of the arguments after it.
kube::util::array_contains() {
  local -r wanted=$1
  local item
  shift
  for item; do
    [[ "\${item}" != "\${wanted}" ]] || return 0
  done
  return 1
}

# Adds a command to the traps of signals: command, signal...
kube::util::trap_add() {
  local trap_add_cmd=$1
  shift
  local trap_add_name existing
  for trap_add_name in "$@"; do
    existing=$(trap -p "\${trap_add_name}" | sed "s/^trap -- '//; s/' [A-Z]*$//")
    # shellcheck disable=SC2064
    trap -- "\${existing:+\${existing}; }\${trap_add_cmd}" "\${trap_add_name}"
  done
}

kube::util::host_os() {
  case "$(uname -s)" in
    Darwin) echo darwin ;;
    Linux) echo linux ;;
    *)
      kube::log::error "Only Linux and macOS can build this."
      exit 1
      ;;
  esac
}

kube::util::host_arch() {
  case "$(uname -m)" in
    x86_64* | amd64*) echo amd64 ;;
    aarch64* | arm64*) echo arm64 ;;
    arm*) echo arm ;;
    s390x*) echo s390x ;;
    ppc64le*) echo ppc64le ;;
    *)
      kube::log::error "The host's architecture is not supported."
      exit 1
      ;;
  esac
}

kube::util::host_platform() {
  echo "$(kube::util::host_os)/$(kube::util::host_arch)"
}

# The newest program of a name among the output folders: name, platform.
kube::util::find-binary-for-platform() {
  local newest="" folder
  for folder in _output/bin "_output/dockerized/bin/$2" "_output/local/bin/$2" "platforms/$2"; do
    folder="\${KUBE_ROOT}/\${folder}"
    if [[ -e "\${folder}/$1" && ( -z "\${newest}" || "\${folder}/$1" -nt "\${newest}" ) ]]; then
      newest="\${folder}/$1"
    fi
  done
  echo -n "\${newest}"
}

kube::util::find-binary() {
  kube::util::find-binary-for-platform "$1" "$(kube::util::host_platform)"
}

# The repositories in staging/.
function kube::util::list_staging_repos() {
  (
    cd "\${KUBE_ROOT}/staging/src/k8s.io" && find . -mindepth 1 -maxdepth 1 -type d | cut -c 3- | sort
  )
}

function kube::util::ensure_docker_daemon_connectivity {
  "\${DOCKER[@]}" info > /dev/null
}

# Waits for all jobs; the status is how many of them failed.
kube::util::wait-for-jobs() {
  local fail=0
  local job
  for job in $(jobs -p); do
    wait "\${job}" || (( fail += 1 ))
  done
  return \${fail}
}

# Joins arguments: separator, parts...
function kube::util::join {
  local IFS="$1"
  shift
  echo "$*"
}

# Reads lines of stdin into the array that $1 names.
function kube::util::read-array {
  local read_array_line
  eval "$1=()"
  while IFS= read -r read_array_line; do
    eval "$1+=(\"\$read_array_line\")"
  done
}
${goMode === "gopath" ? "" : newer}`;
}

const LOGGING = raw`${BASH_HEAD}# How much is said: lines with a higher V are left out.
KUBE_VERBOSE="\${KUBE_VERBOSE:-2}"

# Runs when a command fails.
kube::log::errexit() {
  local err="\${PIPESTATUS[*]}"
  set +o | grep -qe "-o errexit" || return
  set +o xtrace
  kube::log::error "Error in \${BASH_SOURCE[1]}:\${BASH_LINENO[0]}. '\${BASH_COMMAND}' exited with status \${err}"
  exit 1
}

kube::log::install_errexit() {
  trap 'kube::log::errexit' ERR
  set -o errtrace
}

kube::log::internal::stamp() {
  date +"[%m%d %H:%M:%S]"
}

kube::log::internal::lines() {
  local message
  for message; do
    echo "    \${message}"
  done
}

# An error; goes on.
kube::log::error() {
  echo "!!! $(kube::log::internal::stamp) \${1-}" >&2
  shift
  kube::log::internal::lines "$@" >&2
}

# An error; ends the script: message, status.
kube::log::error_exit() {
  kube::log::error "\${1:-}"
  exit "\${2:-1}"
}

kube::log::usage() {
  echo >&2
  printf '%s\n' "$@" >&2
  echo >&2
}

kube::log::info() {
  local V="\${V:-0}"
  if [[ \${KUBE_VERBOSE} -lt \${V} ]]; then
    return
  fi
  printf '%s\n' "$@"
}

kube::log::progress() {
  printf '%b' "$@"
}

# A step: "+++ [0518 15:19:14] message", then further lines.
kube::log::status() {
  local V="\${V:-0}"
  if [[ \${KUBE_VERBOSE} -lt \${V} ]]; then
    return
  fi
  echo "+++ $(kube::log::internal::stamp) \${1}"
  shift
  kube::log::internal::lines "$@"
}
`;

function etcd({ etcd }: EraFacts): string {
  return raw`${BASH_HEAD}# The etcd that integration tests want.
ETCD_VERSION=\${ETCD_VERSION:-${etcd}}
ETCD_HOST=\${ETCD_HOST:-127.0.0.1}
ETCD_PORT=\${ETCD_PORT:-2379}
export KUBE_INTEGRATION_ETCD_URL="http://\${ETCD_HOST}:\${ETCD_PORT}"

kube::etcd::validate() {
  command -v etcd > /dev/null
}
`;
}
