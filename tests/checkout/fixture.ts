import { dirname, join } from "@std/path";

/** A small checkout's files, by path. */
export type Files = Readonly<Record<string, string>>;

/** Writes files into a fresh directory, runs `body` with it, and removes it. */
export async function withFiles(
  files: Files,
  body: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild $(x) " }));
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Our own `hack/lib/golang.sh` in the shape of the real ones since 1.21. */
export const GOLANG = `#!/usr/bin/env bash
readonly KUBE_GO_PACKAGE=example.com/kube
readonly KUBE_SUPPORTED_SERVER_PLATFORMS=(linux/amd64 linux/arm64)
readonly KUBE_SUPPORTED_NODE_PLATFORMS=(linux/amd64 linux/arm64 windows/amd64)
readonly KUBE_SUPPORTED_CLIENT_PLATFORMS=(
  linux/amd64
  linux/arm64   # "quoted ( comment
  darwin/arm64
)
readonly KUBE_SUPPORTED_TEST_PLATFORMS=(linux/arm64 linux/amd64)
kube::golang::server_targets() {
  local targets=(cmd/one vendor/example.com/two)
  echo "\${targets[@]}"
}
IFS=" " read -ra KUBE_SERVER_TARGETS <<< "$(kube::golang::server_targets)"
readonly KUBE_SERVER_TARGETS
readonly KUBE_NODE_TARGETS=(cmd/one)
readonly KUBE_SERVER_IMAGE_TARGETS=(cmd/one)
readonly KUBE_CONFORMANCE_IMAGE_TARGETS=(test/e2e.test)
kube::golang::setup_platforms() {
  if [[ -n "\${KUBE_BUILD_PLATFORMS:-}" ]]; then
    local -a platforms
    IFS=" " read -ra platforms <<< "\${KUBE_BUILD_PLATFORMS}"
    kube::util::read-array platforms < <(kube::golang::dedup "\${platforms[@]}")
    kube::util::read-array KUBE_SERVER_PLATFORMS < <(kube::golang::dups \\
      "\${platforms[@]}" "\${KUBE_SUPPORTED_SERVER_PLATFORMS[@]}")
  elif [[ "\${KUBE_FASTBUILD:-}" == "true" ]]; then
    host_arch=$(kube::util::host_arch)
    if [[ "\${host_arch}" != "amd64" && "\${host_arch}" != "arm64" ]]; then
      host_arch="amd64"
    fi
    KUBE_SERVER_PLATFORMS=("linux/\${host_arch}")
  else
    KUBE_SERVER_PLATFORMS=("\${KUBE_SUPPORTED_SERVER_PLATFORMS[@]}")
  fi
}
kube::golang::setup_platforms
readonly KUBE_CLIENT_TARGETS=(cmd/ctl)
readonly KUBE_TEST_TARGETS=(ginkgo)
readonly KUBE_TEST_PORTABLE=(hack/lib)
kube::golang::server_test_targets() {
  local targets=(cmd/mark)
  if [[ "\${OSTYPE:-}" == "linux"* ]]; then
    targets+=( test/e2e_node/e2e_node.test )
  fi
  echo "\${targets[@]}"
}
IFS=" " read -ra KUBE_TEST_SERVER_TARGETS <<< "$(kube::golang::server_test_targets)"
readonly KUBE_PARALLEL_BUILD_MEMORY=\${KUBE_PARALLEL_BUILD_MEMORY:-20}
readonly KUBE_ALL_TARGETS=(
  "\${KUBE_SERVER_TARGETS[@]}"
  "\${KUBE_TEST_SERVER_TARGETS[@]}"
)
readonly KUBE_STATIC_BINARIES=(one)
readonly KUBE_COVERAGE_INSTRUMENTED_PACKAGES=(example.com/kube/cmd/one)
kube::golang::is_statically_linked() {
  local e
  for e in "\${KUBE_STATIC_BINARIES[@]}"; do [[ "\${1}" == *"/\${e}" ]] && return 0; done;
  return 1;
}
kube::golang::verify_go_version() {
  local minimum_go_version
  minimum_go_version=go1.22.3
}
`;

/** Our own `build/common.sh` in the shape of 1.35's. */
export const COMMON = `
USER_ID=$(id -u)
KUBE_ROOT=$(cd "$(dirname "\${BASH_SOURCE[0]}")"/.. && pwd -P)
source "\${KUBE_ROOT}/hack/lib/init.sh"
readonly KUBE_DOCKER_REGISTRY="\${KUBE_DOCKER_REGISTRY:-registry.example}"
KUBE_BASE_IMAGE_REGISTRY="\${KUBE_BASE_IMAGE_REGISTRY:-registry.example/base}"
KUBE_BUILD_IMAGE_CROSS_TAG="$(cat "\${KUBE_ROOT}/build/build-image/cross/VERSION")"
KUBE_CROSS_IMAGE="\${KUBE_CROSS_IMAGE:-"\${KUBE_BASE_IMAGE_REGISTRY}/cross"}"
KUBE_CROSS_VERSION="\${KUBE_CROSS_VERSION:-"\${KUBE_BUILD_IMAGE_CROSS_TAG}"}"
readonly __dynamic="$KUBE_BASE_IMAGE_REGISTRY/dynamic:1"
readonly KUBE_GORUNNER_IMAGE="\${KUBE_GORUNNER_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/runner:2}"
__default_base_image() {
  if kube::golang::is_statically_linked "$1"; then
    echo "$KUBE_GORUNNER_IMAGE"
  else
    echo "$__dynamic"
  fi
}
readonly ONE_IMAGE="\${ONE_IMAGE:-$(__default_base_image example.com/kube/cmd/one)}"
readonly OTHER_IMAGE="\${OTHER_IMAGE:-$(__default_base_image example.com/kube/cmd/other)}"
readonly KUBE_BUILD_SETCAP_IMAGE="\${KUBE_BUILD_SETCAP_IMAGE:-$KUBE_BASE_IMAGE_REGISTRY/setcap:3}"
kube::build::get_docker_wrapped_binaries() {
  local targets=(
    "one,\${ONE_IMAGE}"
    "other,\${OTHER_IMAGE}"
  )
  echo "\${targets[@]}"
}
function kube::build::run() {
  rsync -a "$@" # what makes it an older era
}
`;

/** A whole small checkout. */
export const CHECKOUT: Files = {
  "hack/lib/golang.sh": GOLANG,
  "hack/lib/version.sh": `kube::version::ldflags() {
  function add_ldflag() {
    local key=\${1}
    local val=\${2}
    ldflags+=(
      # "-X 'example.com/comment.\${key}=\${val}'"
      "-X '\${KUBE_GO_PACKAGE}/vendor/example.com/a/version.\${key}=\${val}'"
      "-X 'example.com/b/version.\${key}=\${val}'"
    )
  }
}
`,
  "build/common.sh": COMMON,
  "build/lib/release.sh": `function kube::release::images() {
    local -r docker_registry="registry.example"
}
`,
  "build/build-image/cross/VERSION": "v1.30.0-go1.22.5-bullseye.0\n",
  ".go-version": "1.22.6\n",
  "go.mod": "module example.com/kube\n\ngo 1.22\n",
  "go.work": "go 1.22\n",
  "vendor/modules.txt": "## workspace\n",
  "cmd/one/main.go": "package main\n",
};
