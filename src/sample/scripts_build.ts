/**
 * `build/` of the samples: the release side. The constants and lists that kbuild reads are as in
 * Kubernetes; the functions that talk to Docker are cut to their names and first steps.
 *
 * @module
 */
import type { EraFacts } from "./eras.ts";
import { raw } from "./raw.ts";
import { releaseLibrary } from "./scripts_release.ts";
import { BASH_HEAD, BASH_PROGRAM_HEAD } from "./scripts_targets.ts";
import { script, type Tree } from "./tree.ts";

/** `build/**` without `build/root`. */
export function buildScripts(facts: EraFacts): Tree {
  return {
    "build/README.md": "# build\n\nScripts that build releases in a container.\n",
    "build/build-image/Dockerfile": DOCKERFILE,
    "build/build-image/VERSION": "5\n",
    "build/build-image/cross/VERSION": `${facts.crossVersion}\n`,
    "build/build-image/rsyncd.sh": script(`${BASH_PROGRAM_HEAD}exec rsync --daemon --no-detach\n`),
    "build/common.sh": script(common(facts)),
    "build/lib/release.sh": releaseLibrary(facts),
    "build/nsswitch.conf":
      "# the hosts file goes before DNS, for Go's own resolver too\nhosts: files dns\n",
    "build/pause/Makefile": 'TAG ?= 3.10\n\nall:\n\t@echo "pause $(TAG)"\n',
    "build/util.sh": UTIL,
    ...ENTRIES,
    ...(facts.goMode === "gopath" ? {} : SERVER_IMAGE),
  };
}

const DOCKERFILE = raw`# The image that builds run in.
FROM k8s.gcr.io/build-image/kube-cross:KUBE_BUILD_IMAGE_CROSS_TAG

ENV KUBE_OUTPUT_SUBPATH _output/dockerized
WORKDIR /go/src/k8s.io/kubernetes
ADD localtime /etc/localtime
ADD rsyncd.password /
RUN chmod a+r /rsyncd.password
ADD rsyncd.sh /
RUN chmod a+rx /rsyncd.sh
`;

function common(facts: EraFacts): string {
  const gopath = facts.goMode === "gopath";
  return raw`${BASH_HEAD}# shellcheck disable=SC2034

# What all scripts in build/ share.
set -o errexit
set -o nounset
set -o pipefail

unset CDPATH

USER_ID=$(id -u)
GROUP_ID=$(id -g)

DOCKER_OPTS=\${DOCKER_OPTS:-""}
IFS=" " read -r -a DOCKER <<< "docker \${DOCKER_OPTS}"
DOCKER_HOST=\${DOCKER_HOST:-""}

KUBE_ROOT=$(cd "$(dirname "\${BASH_SOURCE[0]}")"/.. && pwd -P)

source "\${KUBE_ROOT}/hack/lib/init.sh"

${gopath ? CONSTANTS_120 : CONSTANTS_135}
readonly KUBE_BUILD_IMAGE_VERSION_BASE="$(cat "\${KUBE_ROOT}/build/build-image/VERSION")"
readonly KUBE_BUILD_IMAGE_VERSION="\${KUBE_BUILD_IMAGE_VERSION_BASE}-\${KUBE_BUILD_IMAGE_CROSS_TAG}"

# Output folders, on the host (LOCAL) and in the container (REMOTE).
readonly LOCAL_OUTPUT_ROOT="\${KUBE_ROOT}/\${OUT_DIR:-_output}"
readonly LOCAL_OUTPUT_SUBPATH="\${LOCAL_OUTPUT_ROOT}/dockerized"
readonly LOCAL_OUTPUT_BINPATH="\${LOCAL_OUTPUT_SUBPATH}/bin"
readonly LOCAL_OUTPUT_GOPATH="\${LOCAL_OUTPUT_SUBPATH}/go"
readonly LOCAL_OUTPUT_IMAGE_STAGING="\${LOCAL_OUTPUT_ROOT}/images"

# A link to the programs of the host's platform.
readonly THIS_PLATFORM_BIN="\${LOCAL_OUTPUT_ROOT}/bin"

${
    gopath
      ? ""
      : "readonly KUBE_GO_PACKAGE=k8s.io/kubernetes\n"
  }readonly REMOTE_ROOT="/go/src/\${KUBE_GO_PACKAGE}"
readonly REMOTE_OUTPUT_ROOT="\${REMOTE_ROOT}/_output"
readonly REMOTE_OUTPUT_SUBPATH="\${REMOTE_OUTPUT_ROOT}/dockerized"
readonly REMOTE_OUTPUT_BINPATH="\${REMOTE_OUTPUT_SUBPATH}/bin"
readonly REMOTE_OUTPUT_GOPATH="\${REMOTE_OUTPUT_SUBPATH}/go"

# rsync's port on the host and in the container.
readonly KUBE_RSYNC_PORT="\${KUBE_RSYNC_PORT:-}"
readonly KUBE_CONTAINER_RSYNC_PORT=8730

${gopath ? IMAGES_120 : IMAGES_135}
${COMMON_FUNCTIONS}`;
}

const CONSTANTS_120 = raw`readonly KUBE_BUILD_IMAGE_REPO=kube-build
readonly KUBE_BUILD_IMAGE_CROSS_TAG="$(cat "\${KUBE_ROOT}/build/build-image/cross/VERSION")"

readonly KUBE_DOCKER_REGISTRY="\${KUBE_DOCKER_REGISTRY:-k8s.gcr.io}"
readonly KUBE_BASE_IMAGE_REGISTRY="\${KUBE_BASE_IMAGE_REGISTRY:-k8s.gcr.io/build-image}"
`;

const CONSTANTS_135 = raw`GOPROXY=\${GOPROXY:-""}

readonly KUBE_BUILD_IMAGE_REPO=kube-build
KUBE_BUILD_IMAGE_CROSS_TAG="\${KUBE_CROSS_VERSION:-"$(cat "\${KUBE_ROOT}/build/build-image/cross/VERSION")"}"
readonly KUBE_BUILD_IMAGE_CROSS_TAG

readonly KUBE_DOCKER_REGISTRY="\${KUBE_DOCKER_REGISTRY:-registry.k8s.io}"
KUBE_BASE_IMAGE_REGISTRY="\${KUBE_BASE_IMAGE_REGISTRY:-registry.k8s.io/build-image}"
readonly KUBE_BASE_IMAGE_REGISTRY
KUBE_CROSS_IMAGE="\${KUBE_CROSS_IMAGE:-"\${KUBE_BASE_IMAGE_REGISTRY}/kube-cross"}"
readonly KUBE_CROSS_IMAGE
KUBE_CROSS_VERSION="\${KUBE_CROSS_VERSION:-"\${KUBE_BUILD_IMAGE_CROSS_TAG}"}"
readonly KUBE_CROSS_VERSION
`;

const IMAGES_120 = raw`# Prints "binary,base image" for each server image.
kube::build::get_docker_wrapped_binaries() {
  local debian_iptables_version=buster-v1.3.0
  local go_runner_version=buster-v2.2.2
  local targets=(
    "kube-apiserver,\${KUBE_BASE_IMAGE_REGISTRY}/go-runner:\${go_runner_version}"
    "kube-controller-manager,\${KUBE_BASE_IMAGE_REGISTRY}/go-runner:\${go_runner_version}"
    "kube-scheduler,\${KUBE_BASE_IMAGE_REGISTRY}/go-runner:\${go_runner_version}"
    "kube-proxy,\${KUBE_BASE_IMAGE_REGISTRY}/debian-iptables:\${debian_iptables_version}"
  )

  echo "\${targets[@]}"
}
`;

const IMAGES_135 = raw`# Tags of the base images.
readonly __default_distroless_iptables_version=v0.8.2
readonly __default_go_runner_version=v2.4.0-go1.25.1-bookworm.0
readonly __default_setcap_version=bookworm-v1.0.4

# The base of programs that are linked dynamically, and of kube-proxy.
readonly __default_dynamic_base_image="$KUBE_BASE_IMAGE_REGISTRY/distroless-iptables:$__default_distroless_iptables_version"

# The base of programs that are linked statically.
readonly KUBE_GORUNNER_IMAGE="\${KUBE_GORUNNER_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/go-runner:$__default_go_runner_version}"

# Prints the base image of a package.
__default_base_image() {
  if kube::golang::is_statically_linked "$1"; then
    echo "$KUBE_GORUNNER_IMAGE"
  else
    echo "$__default_dynamic_base_image"
  fi
}

readonly KUBE_APISERVER_BASE_IMAGE="\${KUBE_APISERVER_BASE_IMAGE:-$(__default_base_image k8s.io/kubernetes/cmd/kube-apiserver)}"
readonly KUBE_CONTROLLER_MANAGER_BASE_IMAGE="\${KUBE_CONTROLLER_MANAGER_BASE_IMAGE:-$(__default_base_image k8s.io/kubernetes/cmd/kube-controller-manager)}"
readonly KUBE_SCHEDULER_BASE_IMAGE="\${KUBE_SCHEDULER_BASE_IMAGE:-$(__default_base_image k8s.io/kubernetes/cmd/kube-scheduler)}"
readonly KUBE_PROXY_BASE_IMAGE="\${KUBE_PROXY_BASE_IMAGE:-$__default_dynamic_base_image}"
readonly KUBECTL_BASE_IMAGE="\${KUBECTL_BASE_IMAGE:-$(__default_base_image k8s.io/kubernetes/cmd/kubectl)}"

# The image whose setcap gives kube-apiserver its capability.
readonly KUBE_BUILD_SETCAP_IMAGE="\${KUBE_BUILD_SETCAP_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/setcap:$__default_setcap_version}"

# Prints "binary,base image" for each server image.
kube::build::get_docker_wrapped_binaries() {
  local targets=(
    "kube-apiserver,\${KUBE_APISERVER_BASE_IMAGE}"
    "kube-controller-manager,\${KUBE_CONTROLLER_MANAGER_BASE_IMAGE}"
    "kube-scheduler,\${KUBE_SCHEDULER_BASE_IMAGE}"
    "kube-proxy,\${KUBE_PROXY_BASE_IMAGE}"
    "kubectl,\${KUBECTL_BASE_IMAGE}"
  )

  echo "\${targets[@]}"
}
`;

const COMMON_FUNCTIONS =
  raw`# Looks for the programs that the scripts need, and names the containers.
function kube::build::verify_prereqs() {
  local tool
  local -a tools=(tar rsync)
  kube::log::status "Verifying Prerequisites...."
  if [[ "\${1:-true}" == true ]]; then
    tools+=(docker_in_path)
  fi
  for tool in "\${tools[@]}"; do
    "kube::build::ensure_\${tool}" || return 1
  done

  KUBE_GIT_BRANCH=$(git symbolic-ref --short -q HEAD 2>/dev/null || true)
  KUBE_ROOT_HASH=$(kube::build::short_hash "\${HOSTNAME:-}:\${KUBE_ROOT}:\${KUBE_GIT_BRANCH}")
  KUBE_BUILD_IMAGE_TAG_BASE="build-\${KUBE_ROOT_HASH}"
  KUBE_BUILD_IMAGE_TAG="\${KUBE_BUILD_IMAGE_TAG_BASE}-\${KUBE_BUILD_IMAGE_VERSION}"
  KUBE_BUILD_IMAGE="\${KUBE_BUILD_IMAGE_REPO}:\${KUBE_BUILD_IMAGE_TAG}"
  KUBE_BUILD_CONTAINER_NAME="kube-build-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
  KUBE_RSYNC_CONTAINER_NAME="kube-rsync-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
  KUBE_DATA_CONTAINER_NAME="kube-build-data-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
  LOCAL_OUTPUT_BUILD_CONTEXT="\${LOCAL_OUTPUT_IMAGE_STAGING}/\${KUBE_BUILD_IMAGE}"

  kube::version::get_version_vars
  kube::version::save_version_vars "\${KUBE_ROOT}/.dockerized-kube-version-defs"
  umask 0022
}

function kube::build::ensure_rsync() {
  if [[ -z "$(command -v rsync)" ]]; then
    kube::log::error "There is no 'rsync' in PATH."
    return 1
  fi
}

function kube::build::ensure_docker_in_path() {
  if [[ -z "$(command -v docker)" ]]; then
    kube::log::error "There is no 'docker' in PATH."
    return 1
  fi
}

function kube::build::ensure_tar() {
  local candidate
  for candidate in "\${TAR:-tar}" gtar gnutar; do
    if "\${candidate}" --version 2>/dev/null | grep -q GNU; then
      TAR=\${candidate}
      return
    fi
  done
  kube::log::error "There is no GNU tar in PATH."
  return 1
}

# Ten digits that stand for $1.
function kube::build::short_hash() {
  local hash
  if command -v md5 >/dev/null 2>&1; then
    hash=$(md5 -q -s "$1")
  else
    hash=$(echo -n "$1" | md5sum)
  fi
  echo "\${hash:0:10}"
}

function kube::build::clean() {
  kube::log::status "Removing _output directory"
  rm -rf "\${LOCAL_OUTPUT_ROOT}"
}

function kube::build::build_image() {
  mkdir -p "\${LOCAL_OUTPUT_BUILD_CONTEXT}"
  cp "\${KUBE_ROOT}/build/build-image/Dockerfile" "\${KUBE_ROOT}/build/build-image/rsyncd.sh" "\${LOCAL_OUTPUT_BUILD_CONTEXT}/"
  "\${DOCKER[@]}" build -t "\${KUBE_BUILD_IMAGE}" "\${LOCAL_OUTPUT_BUILD_CONTEXT}"
}

# Runs a command in the build container.
function kube::build::run_build_command() {
  kube::log::status "Running build command..."
  "\${DOCKER[@]}" run --rm --name "\${KUBE_BUILD_CONTAINER_NAME}" "\${KUBE_BUILD_IMAGE}" "$@"
}

# Brings the container's output to the host.
function kube::build::copy_output() {
  kube::log::status "Syncing out of container"
  rsync -a "rsync://k8s@127.0.0.1:\${KUBE_RSYNC_PORT:-\${KUBE_CONTAINER_RSYNC_PORT}}/k8s/_output/dockerized/bin/" "\${LOCAL_OUTPUT_BINPATH}/"
}
`;

const UTIL = raw`${BASH_HEAD}# Prints the tag that an image of this version has.
kube::release::semantic_image_tag_version() {
  local version
  version=$(cat "\${KUBE_ROOT}/version" 2>/dev/null || echo "\${KUBE_GIT_VERSION-}")
  echo "\${version//+/_}"
}
`;

function entry(body: string, release = false): ReturnType<typeof script> {
  const library = release
    ? raw`source "\${KUBE_ROOT}/build/lib/release.sh"
`
    : "";
  return script(raw`${BASH_PROGRAM_HEAD}KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
source "\${KUBE_ROOT}/build/common.sh"
${library}
${body}`);
}

const ENTRIES: Tree = {
  "build/copy-output.sh": entry(raw`kube::build::verify_prereqs
kube::build::copy_output
`),
  "build/make-build-image.sh": entry(raw`kube::build::verify_prereqs
kube::build::build_image
`),
  "build/make-clean.sh": entry(raw`kube::build::verify_prereqs false
kube::build::clean
`),
  "build/package-tarballs.sh": entry(
    raw`kube::build::ensure_tar
kube::version::get_version_vars
kube::release::package_tarballs
`,
    true,
  ),
  "build/release-images.sh": entry(
    raw`CMD_TARGETS="\${KUBE_SERVER_IMAGE_TARGETS[*]}"
if [[ "\${KUBE_BUILD_CONFORMANCE}" =~ [yY] ]]; then
  CMD_TARGETS="\${CMD_TARGETS} \${KUBE_CONFORMANCE_IMAGE_TARGETS[*]}"
fi

kube::build::verify_prereqs
kube::build::build_image
kube::build::run_build_command make all WHAT="\${CMD_TARGETS}" KUBE_BUILD_PLATFORMS="\${KUBE_SERVER_PLATFORMS[*]}"
kube::build::copy_output
kube::release::build_server_images
`,
    true,
  ),
  "build/release-in-a-container.sh": entry(
    raw`if [[ ! -e /.dockerenv ]]; then
  echo "This script runs in a container only."
  exit 1
fi
make -C "\${KUBE_ROOT}" cross-in-a-container
kube::version::get_version_vars
kube::release::package_tarballs
`,
    true,
  ),
  "build/release.sh": entry(
    raw`KUBE_RELEASE_RUN_TESTS=\${KUBE_RELEASE_RUN_TESTS-y}

kube::build::verify_prereqs
kube::build::build_image
kube::build::run_build_command make cross

if [[ $KUBE_RELEASE_RUN_TESTS =~ ^[yY]$ ]]; then
  kube::build::run_build_command make test
  kube::build::run_build_command make test-integration
fi

kube::build::copy_output
kube::release::package_tarballs
`,
    true,
  ),
  "build/run.sh": entry(raw`KUBE_RUN_COPY_OUTPUT="\${KUBE_RUN_COPY_OUTPUT:-y}"

kube::build::verify_prereqs
kube::build::build_image
kube::build::run_build_command "$@"

if [[ \${KUBE_RUN_COPY_OUTPUT} =~ ^[yY]$ ]]; then
  kube::build::copy_output
fi
`),
  "build/shell.sh": script(raw`${BASH_PROGRAM_HEAD}KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
KUBE_RUN_COPY_OUTPUT="\${KUBE_RUN_COPY_OUTPUT:-n}" "\${KUBE_ROOT}/build/run.sh" bash "$@"
`),
};

const SERVER_IMAGE: Tree = {
  "build/server-image/Dockerfile": raw`# An image of one program.
ARG BASEIMAGE
FROM --platform=linux/$TARGETARCH \${BASEIMAGE}
ARG BINARY
COPY --chmod=755 \${BINARY} /usr/local/bin/\${BINARY}
`,
  "build/server-image/kube-apiserver/Dockerfile":
    raw`# kube-apiserver may listen on a low port without being root.
ARG BASEIMAGE
ARG SETCAP_IMAGE

# The capability is set on the builder's own platform.
FROM --platform=linux/$BUILDARCH \${SETCAP_IMAGE}
ARG BINARY
COPY --chmod=755 \${BINARY} /\${BINARY}
RUN setcap cap_net_bind_service=+ep /\${BINARY}

FROM --platform=linux/$TARGETARCH \${BASEIMAGE}
ARG BINARY
COPY --from=0 /\${BINARY} /usr/local/bin/\${BINARY}
`,
  "build/server-image/kubectl/Dockerfile": raw`# kubectl runs when the image runs.
ARG BASEIMAGE
FROM --platform=linux/$TARGETARCH \${BASEIMAGE}
ARG BINARY
COPY --chmod=755 \${BINARY} /bin/\${BINARY}
ENTRYPOINT ["/bin/kubectl"]
`,
};
