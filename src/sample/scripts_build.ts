/**
 * `build/` of the samples: the release side. The constants and lists that kbuild reads are as in
 * Kubernetes; the functions that talk to Docker are cut to their names and first steps.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import {
  CONSTANTS_120,
  CONSTANTS_17,
  constantsRecent,
  IMAGES_120,
  IMAGES_128,
  IMAGES_17,
  imagesDynamic,
  serverImages,
} from "./scripts_images.ts";
import { releaseLibrary } from "./scripts_release.ts";
import { releaseLibrary17 } from "./scripts_release_17.ts";
import { BASH_HEAD, BASH_PROGRAM_HEAD } from "./scripts_targets.ts";
import { script, type Tree } from "./tree.ts";

/** `build/**` without `build/root`. */
export function buildScripts(facts: EraFacts): Tree {
  const { godeps, goMode, bindMount } = facts;
  return {
    "build/README.md": "# build\n\nScripts that build releases in a container.\n",
    "build/build-image/cross/VERSION": `${facts.crossVersion}\n`,
    "build/common.sh": script(common(facts)),
    "build/lib/release.sh": godeps ? releaseLibrary17() : releaseLibrary(facts),
    "build/pause/Makefile": 'TAG ?= 3.10\n\nall:\n\t@echo "pause $(TAG)"\n',
    "build/util.sh": UTIL,
    ...entries(facts),
    ...(bindMount ? {} : BUILD_IMAGE),
    ...(godeps ? {} : { "build/nsswitch.conf": NSSWITCH }),
    ...(goMode === "gopath" ? {} : serverImages(facts)),
  };
}

const NSSWITCH = "# the hosts file goes before DNS, for Go's own resolver too\nhosts: files dns\n";

const BUILD_IMAGE: Tree = {
  "build/build-image/Dockerfile": raw`# The image that builds run in.
FROM k8s.gcr.io/build-image/kube-cross:KUBE_BUILD_IMAGE_CROSS_TAG

ENV KUBE_OUTPUT_SUBPATH _output/dockerized
WORKDIR /go/src/k8s.io/kubernetes
ADD localtime /etc/localtime
ADD rsyncd.password /
RUN chmod a+r /rsyncd.password
ADD rsyncd.sh /
RUN chmod a+rx /rsyncd.sh
`,
  "build/build-image/VERSION": "5\n",
  "build/build-image/rsyncd.sh": script(`${BASH_PROGRAM_HEAD}exec rsync --daemon --no-detach\n`),
};

function constants(facts: EraFacts): string {
  if (facts.godeps) return CONSTANTS_17;
  return facts.goMode === "gopath" ? CONSTANTS_120 : constantsRecent(facts);
}

function images(facts: EraFacts): string {
  if (facts.godeps) return IMAGES_17;
  if (facts.goMode === "gopath") return IMAGES_120;
  return facts.goMode === "modules" ? IMAGES_128 : imagesDynamic(facts);
}

/** The version of the build image, and how rsync is reached: where there is no bind mount. */
const BUILD_IMAGE_VERSION =
  raw`readonly KUBE_BUILD_IMAGE_VERSION_BASE="$(cat "\${KUBE_ROOT}/build/build-image/VERSION")"
readonly KUBE_BUILD_IMAGE_VERSION="\${KUBE_BUILD_IMAGE_VERSION_BASE}-\${KUBE_BUILD_IMAGE_CROSS_TAG}"
`;

const RSYNC = raw`
# rsync's port on the host and in the container.
readonly KUBE_RSYNC_PORT="\${KUBE_RSYNC_PORT:-}"
readonly KUBE_CONTAINER_RSYNC_PORT=8730
`;

function common(facts: EraFacts): string {
  const { bindMount } = facts;
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

${constants(facts)}${bindMount ? "" : BUILD_IMAGE_VERSION}
# Output folders, on the host (LOCAL) and in the container (REMOTE).
readonly LOCAL_OUTPUT_ROOT="\${KUBE_ROOT}/\${OUT_DIR:-_output}"
readonly LOCAL_OUTPUT_SUBPATH="\${LOCAL_OUTPUT_ROOT}/dockerized"
readonly LOCAL_OUTPUT_BINPATH="\${LOCAL_OUTPUT_SUBPATH}/bin"
readonly LOCAL_OUTPUT_GOPATH="\${LOCAL_OUTPUT_SUBPATH}/go"
readonly LOCAL_OUTPUT_IMAGE_STAGING="\${LOCAL_OUTPUT_ROOT}/images"

# A link to the programs of the host's platform.
readonly THIS_PLATFORM_BIN="\${LOCAL_OUTPUT_ROOT}/bin"

${
    facts.goMode === "workspace"
      ? "readonly KUBE_GO_PACKAGE=k8s.io/kubernetes\n"
      : ""
  }readonly REMOTE_ROOT="/go/src/\${KUBE_GO_PACKAGE}"
readonly REMOTE_OUTPUT_ROOT="\${REMOTE_ROOT}/_output"
readonly REMOTE_OUTPUT_SUBPATH="\${REMOTE_OUTPUT_ROOT}/dockerized"
readonly REMOTE_OUTPUT_BINPATH="\${REMOTE_OUTPUT_SUBPATH}/bin"
readonly REMOTE_OUTPUT_GOPATH="\${REMOTE_OUTPUT_SUBPATH}/go"
${bindMount ? "" : RSYNC}
${images(facts)}
${commonFunctions(facts)}`;
}

/** Names of the build container where the checkout is mounted into kube-cross itself. */
const MOUNTED_NAMES = raw`  KUBE_BUILD_CONTAINER_NAME_BASE="kube-build-\${KUBE_ROOT_HASH}"
  KUBE_BUILD_CONTAINER_NAME="\${KUBE_BUILD_CONTAINER_NAME_BASE}-6"
`;

/** Names of the build image and of the three containers around it. */
const IMAGE_NAMES = raw`  KUBE_BUILD_IMAGE_TAG_BASE="build-\${KUBE_ROOT_HASH}"
  KUBE_BUILD_IMAGE_TAG="\${KUBE_BUILD_IMAGE_TAG_BASE}-\${KUBE_BUILD_IMAGE_VERSION}"
  KUBE_BUILD_IMAGE="\${KUBE_BUILD_IMAGE_REPO}:\${KUBE_BUILD_IMAGE_TAG}"
  KUBE_BUILD_CONTAINER_NAME="kube-build-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
  KUBE_RSYNC_CONTAINER_NAME="kube-rsync-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
  KUBE_DATA_CONTAINER_NAME="kube-build-data-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
  LOCAL_OUTPUT_BUILD_CONTEXT="\${LOCAL_OUTPUT_IMAGE_STAGING}/\${KUBE_BUILD_IMAGE}"
`;

const ENSURE_RSYNC = raw`function kube::build::ensure_rsync() {
  if [[ -z "$(command -v rsync)" ]]; then
    kube::log::error "There is no 'rsync' in PATH."
    return 1
  fi
}

`;

function commonFunctions({ bindMount }: EraFacts): string {
  const tools = bindMount ? "tar" : "tar rsync";
  return raw`# Looks for the programs that the scripts need, and names the containers.
function kube::build::verify_prereqs() {
  local tool
  local -a tools=(${tools})
  kube::log::status "Verifying Prerequisites...."
  if [[ "\${1:-true}" == true ]]; then
    tools+=(docker_in_path)
  fi
  for tool in "\${tools[@]}"; do
    "kube::build::ensure_\${tool}" || return 1
  done

  KUBE_GIT_BRANCH=$(git symbolic-ref --short -q HEAD 2>/dev/null || true)
  KUBE_ROOT_HASH=$(kube::build::short_hash "\${HOSTNAME:-}:\${KUBE_ROOT}:\${KUBE_GIT_BRANCH}")
${bindMount ? MOUNTED_NAMES : IMAGE_NAMES}
  kube::version::get_version_vars
  kube::version::save_version_vars "\${KUBE_ROOT}/.dockerized-kube-version-defs"
  umask 0022
}

${bindMount ? "" : ENSURE_RSYNC}function kube::build::ensure_docker_in_path() {
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
${bindMount ? RUN_MOUNTED : RUN_COPIED}`;
}

/** Starts kube-cross with the checkout in it; what is built is there at once. */
const RUN_MOUNTED = raw`
# Runs a command in the build container.
function kube::build::run_build_command() {
  kube::log::status "Running build command..."
  "\${DOCKER[@]}" run --rm --name "\${KUBE_BUILD_CONTAINER_NAME}" \
    --user="$(id -u):$(id -g)" \
    --volume "\${KUBE_ROOT}:\${KUBE_CROSS_CONTAINER_ROOT}" \
    --env 'KUBE_OUTPUT_SUBPATH=_output/dockerized' \
    --workdir "\${KUBE_CROSS_CONTAINER_ROOT}" \
    "\${KUBE_CROSS_IMAGE}:\${KUBE_CROSS_VERSION}" "$@"
}
`;

/** Makes a build image of kube-cross, runs it, and copies out of it what was built. */
const RUN_COPIED = raw`
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

/** The scripts that people start. */
function entries({ bindMount, goMode, godeps }: EraFacts): Tree {
  const prepare = `kube::build::verify_prereqs\n${bindMount ? "" : "kube::build::build_image\n"}`;
  const copy = bindMount ? "" : "kube::build::copy_output\n";
  const hyperkube = godeps ? "kube::release::package_hyperkube\n" : "";
  return {
    ...(bindMount ? {} : COPY_ENTRIES),
    ...(godeps ? {} : imageEntries(prepare, copy, {
      extraWhat: goMode === "gopath" ? "" : EXTRA_WHAT,
      // In every image since kubernetes/kubernetes#136954.
      logRunner: bindMount ? " k8s.io/component-base/logs/kube-log-runner" : "",
    })),
    "build/make-clean.sh": entry(raw`kube::build::verify_prereqs false
kube::build::clean
`),
    "build/release.sh": entry(
      raw`KUBE_RELEASE_RUN_TESTS=\${KUBE_RELEASE_RUN_TESTS-y}

${prepare}kube::build::run_build_command make cross

if [[ $KUBE_RELEASE_RUN_TESTS =~ ^[yY]$ ]]; then
  kube::build::run_build_command make test
  kube::build::run_build_command make test-integration
fi

${copy}kube::release::package_tarballs
${hyperkube}`,
      true,
    ),
    "build/run.sh": entry(raw`KUBE_RUN_COPY_OUTPUT="\${KUBE_RUN_COPY_OUTPUT:-y}"

${prepare}kube::build::run_build_command "$@"
${bindMount ? "" : COPY_AFTER_RUN}`),
    "build/shell.sh": script(raw`${BASH_PROGRAM_HEAD}KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
KUBE_RUN_COPY_OUTPUT="\${KUBE_RUN_COPY_OUTPUT:-n}" "\${KUBE_ROOT}/build/run.sh" bash "$@"
`),
  };
}

const COPY_AFTER_RUN = raw`
if [[ \${KUBE_RUN_COPY_OUTPUT} =~ ^[yY]$ ]]; then
  kube::build::copy_output
fi
`;

const COPY_ENTRIES: Tree = {
  "build/copy-output.sh": entry(raw`kube::build::verify_prereqs
kube::build::copy_output
`),
  "build/make-build-image.sh": entry(raw`kube::build::verify_prereqs
kube::build::build_image
`),
};

/** From 1.21 on, what kind names is built along with what is in images. */
const EXTRA_WHAT = raw`if [[ -n "\${KUBE_EXTRA_WHAT:-}" ]]; then
  CMD_TARGETS="\${CMD_TARGETS} \${KUBE_EXTRA_WHAT}"
fi
`;

/** Scripts that came after 1.7. */
function imageEntries(
  prepare: string,
  copy: string,
  { extraWhat, logRunner }: { extraWhat: string; logRunner: string },
): Tree {
  return {
    "build/package-tarballs.sh": entry(
      raw`kube::build::ensure_tar
kube::version::get_version_vars
kube::release::package_tarballs
`,
      true,
    ),
    "build/release-images.sh": entry(
      raw`CMD_TARGETS="\${KUBE_SERVER_IMAGE_TARGETS[*]}${logRunner}"
if [[ "\${KUBE_BUILD_CONFORMANCE}" =~ [yY] ]]; then
  CMD_TARGETS="\${CMD_TARGETS} \${KUBE_CONFORMANCE_IMAGE_TARGETS[*]}"
fi
${extraWhat}
${prepare}kube::build::run_build_command make all WHAT="\${CMD_TARGETS}" KUBE_BUILD_PLATFORMS="\${KUBE_SERVER_PLATFORMS[*]}"
${copy}kube::release::build_server_images
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
  };
}
