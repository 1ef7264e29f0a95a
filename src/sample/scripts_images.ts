/**
 * The parts of the samples' `build/` that say which images are used and made: registries, base
 * images, Dockerfiles.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import type { Tree } from "./tree.ts";

const BUILD_REPO = "readonly KUBE_BUILD_IMAGE_REPO=kube-build\n";

/** Constants of `build/common.sh` in 1.7: no variable names a registry. */
export const CONSTANTS_17: string =
  raw`${BUILD_REPO}readonly KUBE_BUILD_IMAGE_CROSS_TAG="$(cat "\${KUBE_ROOT}/build/build-image/cross/VERSION")"

`;

/** Constants of `build/common.sh` in 1.20 (T20:63-70). */
export const CONSTANTS_120: string = raw`readonly KUBE_BUILD_IMAGE_REPO=kube-build
readonly KUBE_BUILD_IMAGE_CROSS_TAG="$(cat "\${KUBE_ROOT}/build/build-image/cross/VERSION")"

readonly KUBE_DOCKER_REGISTRY="\${KUBE_DOCKER_REGISTRY:-k8s.gcr.io}"
readonly KUBE_BASE_IMAGE_REGISTRY="\${KUBE_BASE_IMAGE_REGISTRY:-k8s.gcr.io/build-image}"

`;

const MOUNT_POINT = `readonly KUBE_CROSS_CONTAINER_ROOT="/go/src/k8s.io/kubernetes"\n`;

/** Constants of `build/common.sh` in 1.28 and later. */
export function constantsRecent({ bindMount }: EraFacts): string {
  return raw`GOPROXY=\${GOPROXY:-""}

${
    bindMount
      ? MOUNT_POINT
      : BUILD_REPO
  }KUBE_BUILD_IMAGE_CROSS_TAG="\${KUBE_CROSS_VERSION:-"$(cat "\${KUBE_ROOT}/build/build-image/cross/VERSION")"}"
readonly KUBE_BUILD_IMAGE_CROSS_TAG

readonly KUBE_DOCKER_REGISTRY="\${KUBE_DOCKER_REGISTRY:-registry.k8s.io}"
KUBE_BASE_IMAGE_REGISTRY="\${KUBE_BASE_IMAGE_REGISTRY:-registry.k8s.io/build-image}"
readonly KUBE_BASE_IMAGE_REGISTRY
KUBE_CROSS_IMAGE="\${KUBE_CROSS_IMAGE:-"\${KUBE_BASE_IMAGE_REGISTRY}/kube-cross"}"
readonly KUBE_CROSS_IMAGE
KUBE_CROSS_VERSION="\${KUBE_CROSS_VERSION:-"\${KUBE_BUILD_IMAGE_CROSS_TAG}"}"
readonly KUBE_CROSS_VERSION

`;
}

const ARCHITECTURES = ["amd64", "arm", "arm64", "ppc64le", "s390x"];

/** The prefix of busybox on an architecture. */
function busybox(arch: string): string {
  const prefix = { amd64: "", arm: "armel/", arm64: "aarch64/" }[arch] ?? `${arch}/`;
  return `${prefix}busybox`;
}

function images17(arch: string): string {
  const names = [
    "cloud-controller-manager",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-aggregator",
  ];
  const iptables = `gcr.io/google-containers/debian-iptables-${arch}:\${debian_iptables_version}`;
  return raw`    "${arch}")
        local targets=(
${
    names.map((name) => `          ${name},${busybox(arch)}\n`).join("")
  }          kube-proxy,${iptables}
        );;
`;
}

/** The server images of 1.7: a base for each architecture (T7:87-138). */
export const IMAGES_17: string =
  raw`# Prints "binary,base image" for each server image of an architecture.
kube::build::get_docker_wrapped_binaries() {
  debian_iptables_version=v7
  case $1 in
${ARCHITECTURES.map(images17).join("")}  esac

  echo "\${targets[@]}"
}
`;

/** The server images of 1.20 (T20:95-108). */
export const IMAGES_120: string = raw`# Prints "binary,base image" for each server image.
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

const PAIRS = raw`# Prints "binary,base image" for each server image.
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

const SETCAP = raw`# The image whose setcap gives kube-apiserver its capability.
readonly KUBE_BUILD_SETCAP_IMAGE="\${KUBE_BUILD_SETCAP_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/setcap:$__default_setcap_version}"

`;

/** Tags of the base images, and the setcap image. */
function tags(iptables: string, runner: string, setcap: string): string {
  return `# Tags of the base images.
readonly __default_distroless_iptables_version=${iptables}
readonly __default_go_runner_version=${runner}
readonly __default_setcap_version=${setcap}

`;
}

const GO_RUNNER =
  "${KUBE_GORUNNER_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/go-runner:$__default_go_runner_version}";

/** The server images of 1.28 (T28:98-133). */
export const IMAGES_128: string = raw`${
  tags("v0.4.5", "v2.3.1-go1.21.7-bullseye.0", "bookworm-v1.0.1")
}readonly KUBE_GORUNNER_IMAGE="${GO_RUNNER}"
readonly KUBE_APISERVER_BASE_IMAGE="\${KUBE_APISERVER_BASE_IMAGE:-$KUBE_GORUNNER_IMAGE}"
readonly KUBE_CONTROLLER_MANAGER_BASE_IMAGE="\${KUBE_CONTROLLER_MANAGER_BASE_IMAGE:-$KUBE_GORUNNER_IMAGE}"
readonly KUBE_SCHEDULER_BASE_IMAGE="\${KUBE_SCHEDULER_BASE_IMAGE:-$KUBE_GORUNNER_IMAGE}"
readonly KUBE_PROXY_BASE_IMAGE="\${KUBE_PROXY_BASE_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/distroless-iptables:$__default_distroless_iptables_version}"
readonly KUBECTL_BASE_IMAGE="\${KUBECTL_BASE_IMAGE:-$KUBE_GORUNNER_IMAGE}"

${SETCAP}${PAIRS}`;

/**
 * The server images of 1.35 and later: programs that are linked dynamically get another base
 * (T35:99-157); the latest are based on distroless itself (kubernetes/kubernetes#136954).
 */
export function imagesDynamic({ bindMount }: EraFacts): string {
  const runner = bindMount ? "gcr.io/distroless/static-debian13" : GO_RUNNER;
  const versions = bindMount
    ? tags("v0.8.7", "v2.4.0-go1.25.6-bookworm.0", "bookworm-v1.0.6")
    : tags("v0.8.2", "v2.4.0-go1.25.1-bookworm.0", "bookworm-v1.0.4");
  return raw`${versions}# The base of programs that are linked dynamically, and of kube-proxy.
readonly __default_dynamic_base_image="$KUBE_BASE_IMAGE_REGISTRY/distroless-iptables:$__default_distroless_iptables_version"

# The base of programs that are linked statically.
readonly KUBE_GORUNNER_IMAGE="${runner}"

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

${SETCAP}${PAIRS}`;
}

/** `build/server-image/**`, where Dockerfiles are kept (1.21 and later). */
export function serverImages({ bindMount }: EraFacts): Tree {
  // Since #136954 the images hold kube-log-runner under the name that go-runner had.
  const runner = bindMount
    ? 'COPY --chmod=755 kube-log-runner /go-runner\nENTRYPOINT ["/go-runner"]\n'
    : "";
  const setcap = bindMount
    ? 'RUN ["setcap", "cap_net_bind_service=+ep", "/set_cap_binary"]'
    : raw`RUN setcap cap_net_bind_service=+ep /\${BINARY}`;
  const built = bindMount ? "/set_cap_binary" : "/${BINARY}";
  return {
    "build/server-image/Dockerfile": raw`# An image of one program.
ARG BASEIMAGE
FROM --platform=linux/$TARGETARCH \${BASEIMAGE}
ARG BINARY
COPY --chmod=755 \${BINARY} /usr/local/bin/\${BINARY}
${runner}`,
    "build/server-image/kube-apiserver/Dockerfile":
      raw`# kube-apiserver may listen on a low port without being root.
ARG BASEIMAGE
ARG SETCAP_IMAGE

# The capability is set on the builder's own platform.
FROM --platform=linux/$BUILDARCH \${SETCAP_IMAGE}
ARG BINARY
COPY --chmod=755 \${BINARY} ${built}
${setcap}

FROM --platform=linux/$TARGETARCH \${BASEIMAGE}
ARG BINARY
COPY --from=0 ${built} /usr/local/bin/\${BINARY}
${runner}`,
    "build/server-image/kubectl/Dockerfile": raw`# kubectl runs when the image runs.
ARG BASEIMAGE
FROM --platform=linux/$TARGETARCH \${BASEIMAGE}
ARG BINARY
COPY --chmod=755 \${BINARY} /bin/\${BINARY}
ENTRYPOINT ["/bin/kubectl"]
`,
  };
}
