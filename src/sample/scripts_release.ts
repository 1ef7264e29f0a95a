import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { BASH_HEAD } from "./scripts_targets.ts";

/**
 * `build/lib/release.sh`: the stages and tarballs of a release, short. The images need Docker;
 * everything else packs what is in `_output/dockerized/bin`.
 */
export function releaseLibrary(facts: EraFacts): string {
  return [
    head(facts),
    CREATE_TARBALL,
    PLATFORM_TARBALLS,
    server(facts),
    images(facts),
    manifests(facts),
    REST,
  ].join("\n");
}

function head({ buildConformance = "n" }: EraFacts): string {
  return raw`${BASH_HEAD}# Stages, tarballs and images of a release.
readonly RELEASE_STAGE="\${LOCAL_OUTPUT_ROOT}/release-stage"
readonly RELEASE_TARS="\${LOCAL_OUTPUT_ROOT}/release-tars"
readonly RELEASE_IMAGES="\${LOCAL_OUTPUT_ROOT}/release-images"

KUBE_BUILD_CONFORMANCE=\${KUBE_BUILD_CONFORMANCE:-${buildConformance}}
KUBE_BUILD_PULL_LATEST_IMAGES=\${KUBE_BUILD_PULL_LATEST_IMAGES:-y}

# Removes editors' leftovers.
function kube::release::clean_cruft() {
  find "\${RELEASE_STAGE}" \( -name '*~' -o -name '#*#' -o -name '.DS*' \) -exec rm {} \;
}

function kube::release::package_tarballs() {
  rm -rf "\${RELEASE_STAGE}" "\${RELEASE_TARS}" "\${RELEASE_IMAGES}"
  mkdir -p "\${RELEASE_TARS}"
  kube::release::package_src_tarball
  kube::release::package_client_tarballs
  kube::release::package_kube_manifests_tarball
  kube::release::package_node_tarballs
  kube::release::package_server_tarballs
  kube::release::package_final_tarball
  kube::release::package_test_tarballs
}
`;
}

/** `create_tarball`, and a helper that copies programs. */
export const CREATE_TARBALL: string = raw`# Packs $2/kubernetes as $1.
function kube::release::create_tarball() {
  kube::build::ensure_tar
  "\${TAR}" czf "$1" -C "$2" kubernetes --owner=0 --group=0
}

# Copies programs of a platform: platform, folder, names...
function kube::release::internal::copy_binaries() {
  local -r platform=$1
  local -r folder=$2
  local suffix=""
  shift 2
  if [[ "\${platform%/*}" == "windows" ]]; then
    suffix=".exe"
  fi
  mkdir -p "\${folder}"
  local name
  for name in "$@"; do
    cp "\${LOCAL_OUTPUT_BINPATH}/\${platform}/\${name}\${suffix}" "\${folder}/"
  done
}
`;

const PLATFORM_TARBALLS = raw`function kube::release::package_src_tarball() {
  local -r src_tarball="\${RELEASE_TARS}/kubernetes-src.tar.gz"
  kube::log::status "Building tarball: src"
  if [[ "\${KUBE_GIT_TREE_STATE-}" == 'clean' ]]; then
    git archive -o "\${src_tarball}" HEAD
  else
    find "\${KUBE_ROOT}" -mindepth 1 -maxdepth 1 ! -name '_*' ! -name '.git*' ! -name '.config*' ! -name '.gsutil*' -print0 \
      | "\${TAR}" czf "\${src_tarball}" --transform "s|\${KUBE_ROOT#/*}|kubernetes|" --null -T -
  fi
}

function kube::release::package_client_tarballs() {
  local long_platforms=("\${LOCAL_OUTPUT_BINPATH}"/*/*)
  if [[ -n \${KUBE_BUILD_PLATFORMS-} ]]; then
    read -ra long_platforms <<< "\${KUBE_BUILD_PLATFORMS}"
  fi
  local platform release_stage
  for platform in "\${long_platforms[@]}"; do
    platform=\${platform##"\${LOCAL_OUTPUT_BINPATH}"/}
    kube::log::status "Building tarball: client \${platform/\//-}"
    release_stage="\${RELEASE_STAGE}/client/\${platform/\//-}/kubernetes"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/client/bin" "\${KUBE_CLIENT_BINARIES[@]}"
    kube::release::create_tarball "\${RELEASE_TARS}/kubernetes-client-\${platform/\//-}.tar.gz" "\${release_stage}/.."
  done
}
`;

function server({ goMode, bindMount }: EraFacts): string {
  // kube-log-runner goes into every image (kubernetes/kubernetes#136954).
  const logRunner = bindMount ? " kube-log-runner" : "";
  const versionFile = goMode !== "workspace"
    ? ""
    : raw`    echo "\${KUBE_GIT_VERSION}" > "\${release_stage}/version"
`;
  return raw`function kube::release::package_node_tarballs() {
  local platform release_stage
  for platform in "\${KUBE_NODE_PLATFORMS[@]}"; do
    kube::log::status "Building tarball: node \${platform/\//-}"
    release_stage="\${RELEASE_STAGE}/node/\${platform/\//-}/kubernetes"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/node/bin" "\${KUBE_NODE_BINARIES[@]}" "\${KUBE_CLIENT_BINARIES[@]}"
    cp -R "\${KUBE_ROOT}/LICENSES" "\${release_stage}/"
${versionFile}    cp "\${RELEASE_TARS}/kubernetes-src.tar.gz" "\${release_stage}/"
    kube::release::create_tarball "\${RELEASE_TARS}/kubernetes-node-\${platform/\//-}.tar.gz" "\${release_stage}/.."
  done
}

function kube::release::build_server_images() {
  rm -rf "\${RELEASE_IMAGES}"
  local platform release_stage
  for platform in "\${KUBE_SERVER_PLATFORMS[@]}"; do
    release_stage="\${RELEASE_STAGE}/server/\${platform/\//-}/kubernetes"
    rm -rf "\${release_stage}"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/server/bin" "\${KUBE_SERVER_IMAGE_BINARIES[@]}"${logRunner}
    kube::release::create_docker_images_for_server "\${release_stage}/server/bin" "$(basename "\${platform}")"
  done
}

function kube::release::package_server_tarballs() {
  kube::release::build_server_images
  local platform release_stage
  for platform in "\${KUBE_SERVER_PLATFORMS[@]}"; do
    kube::log::status "Building tarball: server \${platform/\//-}"
    release_stage="\${RELEASE_STAGE}/server/\${platform/\//-}/kubernetes"
    mkdir -p "\${release_stage}/addons"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/server/bin" "\${KUBE_SERVER_BINARIES[@]}" "\${KUBE_CLIENT_BINARIES[@]}"
    cp -R "\${KUBE_ROOT}/LICENSES" "\${release_stage}/"
${versionFile}    cp "\${RELEASE_TARS}/kubernetes-src.tar.gz" "\${release_stage}/"
    kube::release::create_tarball "\${RELEASE_TARS}/kubernetes-server-\${platform/\//-}.tar.gz" "\${release_stage}/.."
  done
}
`;
}

function images(facts: EraFacts): string {
  const build = facts.goMode === "gopath"
    ? raw`    cat <<EOF > "\${binary_dir}/\${binary_name}.dockerfile"
FROM --platform=linux/\${arch} \${base_image}
COPY \${binary_name} /usr/local/bin/\${binary_name}
EOF
    "\${DOCKER[@]}" build -q -t "\${docker_image_tag}" -f "\${binary_dir}/\${binary_name}.dockerfile" "\${binary_dir}"
    rm "\${binary_dir}/\${binary_name}.dockerfile"
`
    : raw`    local docker_file_path="\${KUBE_ROOT}/build/server-image/Dockerfile"
    if [[ -f "\${KUBE_ROOT}/build/server-image/\${binary_name}/Dockerfile" ]]; then
      docker_file_path="\${KUBE_ROOT}/build/server-image/\${binary_name}/Dockerfile"
    fi
    "\${DOCKER[@]}" buildx build -f "\${docker_file_path}" --platform linux/"\${arch}" --load \
      -t "\${docker_image_tag}" \
      --build-arg BASEIMAGE="\${base_image}" \
      --build-arg SETCAP_IMAGE="\${KUBE_BUILD_SETCAP_IMAGE}" \
      --build-arg BINARY="\${binary_name}" \
      "\${binary_dir}"
`;
  return raw`function kube::release::build_conformance_image() {
  local -r arch="$1"
  local -r registry="$2"
  local -r version="$3"
  local -r save_dir="\${4-}"
  ARCH="\${arch}" REGISTRY="\${registry}" VERSION="\${version}" \
    make -C ${facts.conformanceDir ?? ""}/ build >/dev/null
  "\${DOCKER[@]}" save "\${registry}/conformance-\${arch}:\${version}" > "\${save_dir}/conformance-\${arch}.tar"
}

# Makes the images of an architecture: folder of the programs, architecture.
function kube::release::create_docker_images_for_server() {
  local -r binary_dir="$1"
  local -r arch="$2"
  local -r images_dir="\${RELEASE_IMAGES}/\${arch}"
  mkdir -p "\${images_dir}"

  # Images in the archives always have this registry; KUBE_DOCKER_REGISTRY adds a second name.
  local -r docker_registry="${facts.registry}"
  local -r docker_tag="\${KUBE_GIT_VERSION/+/_}"

  local wrappable
  for wrappable in $(kube::build::get_docker_wrapped_binaries); do
    local binary_name=\${wrappable%%,*}
    local base_image=\${wrappable##*,}
    local docker_image_tag="\${docker_registry}/\${binary_name}-\${arch}:\${docker_tag}"
    local release_docker_image_tag="\${KUBE_DOCKER_REGISTRY-$docker_registry}/\${binary_name}-\${arch}:\${KUBE_DOCKER_IMAGE_TAG-$docker_tag}"
${build}    "\${DOCKER[@]}" tag "\${docker_image_tag}" "\${release_docker_image_tag}"
    "\${DOCKER[@]}" save -o "\${binary_dir}/\${binary_name}.tar" "\${docker_image_tag}" "\${release_docker_image_tag}"
    echo "\${docker_tag}" > "\${binary_dir}/\${binary_name}.docker_tag"
    ln "\${binary_dir}/\${binary_name}.tar" "\${images_dir}/"
  done

  if [[ "\${KUBE_BUILD_CONFORMANCE}" =~ [yY] ]]; then
    kube::release::build_conformance_image "\${arch}" "\${docker_registry}" "\${docker_tag}" "\${images_dir}"
  fi
}
`;
}

function manifests({ goMode }: EraFacts): string {
  const cloud = goMode === "gopath" ? "" : " cloud-controller-manager.manifest";
  const health = goMode !== "workspace"
    ? raw`  cp "\${KUBE_ROOT}/cluster/gce/gci/health-monitor.sh" "\${dst_dir}/health-monitor.sh"
`
    : "";
  return raw`function kube::release::package_kube_manifests_tarball() {
  kube::log::status "Building tarball: manifests"

  local src_dir="\${KUBE_ROOT}/cluster/gce/manifests"
  local release_stage="\${RELEASE_STAGE}/manifests/kubernetes"
  local dst_dir="\${release_stage}/gci-trusty"
  local name
  mkdir -p "\${dst_dir}"
  for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd cluster-autoscaler glbc; do
    cp "\${src_dir}/\${name}.manifest" "\${dst_dir}/"
  done
  for name in konnectivity-server.yaml kube-addon-manager.yaml abac-authz-policy.jsonl${cloud}; do
    cp "\${src_dir}/\${name}" "\${dst_dir}/"
  done
  find "\${src_dir}" -name 'internal-*' -exec cp {} "\${dst_dir}/" \;
  src_dir="\${KUBE_ROOT}/cluster/gce/gci"
  cp "\${src_dir}/configure-helper.sh" "\${dst_dir}/gci-configure-helper.sh"
  cp "\${src_dir}/configure-kubeapiserver.sh" "\${dst_dir}/"
${health}  local d
  for d in cluster/addons cluster/gce/addons; do
    find "\${KUBE_ROOT}/\${d}" \( \( -name \*.yaml -o -name \*.yaml.in -o -name \*.json \) -a ! \( -name \*demo\* \) \) -print0 | "\${TAR}" c --transform "s|\${KUBE_ROOT#/*}/\${d}||" --null -T - | "\${TAR}" x -C "\${dst_dir}"
  done

  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_TARS}/kubernetes-manifests.tar.gz" "\${release_stage}/.."
}
`;
}

const REST = raw`function kube::release::package_test_platform_tarballs() {
  local platform release_stage
  rm -rf "\${RELEASE_STAGE}/test"
  for platform in "\${KUBE_TEST_SERVER_PLATFORMS[@]}"; do
    kube::release::internal::copy_binaries "\${platform}" "\${RELEASE_STAGE}/test/\${platform/\//-}/kubernetes/test/bin" "\${KUBE_TEST_SERVER_BINARIES[@]}"
  done
  for platform in "\${KUBE_TEST_PLATFORMS[@]}"; do
    kube::log::status "Building tarball: test \${platform/\//-}"
    release_stage="\${RELEASE_STAGE}/test/\${platform/\//-}/kubernetes"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/test/bin" "\${KUBE_TEST_BINARIES[@]}"
    kube::release::create_tarball "\${RELEASE_TARS}/kubernetes-test-\${platform/\//-}.tar.gz" "\${release_stage}/.."
  done
}

function kube::release::package_test_tarballs() {
  kube::release::package_test_platform_tarballs

  kube::log::status "Building tarball: test portable"
  local release_stage="\${RELEASE_STAGE}/test/kubernetes"
  mkdir -p "\${release_stage}/test/images"
  cp -fR "\${KUBE_ROOT}/test/images" "\${release_stage}/test/"
  "\${TAR}" c "\${KUBE_TEST_PORTABLE[@]}" | "\${TAR}" x -C "\${release_stage}"
  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_TARS}/kubernetes-test-portable.tar.gz" "\${release_stage}/.."
}

function kube::release::package_final_tarball() {
  kube::log::status "Building tarball: final"
  local release_stage="\${RELEASE_STAGE}/full/kubernetes"
  mkdir -p "\${release_stage}/client" "\${release_stage}/server" "\${release_stage}/hack"
  echo "The client programs are not in here: run cluster/get-kube-binaries.sh." > "\${release_stage}/client/README"
  echo "The server programs are not in here: run cluster/get-kube-binaries.sh." > "\${release_stage}/server/README"
  cp "\${RELEASE_TARS}/kubernetes-manifests.tar.gz" "\${release_stage}/server/"
  cp -R "\${KUBE_ROOT}/cluster" "\${release_stage}/"
  cp -R "\${KUBE_ROOT}/hack/lib" "\${release_stage}/hack/"
  cp -R "\${KUBE_ROOT}/docs" "\${release_stage}/"
  cp "\${KUBE_ROOT}/README.md" "\${release_stage}/"
  cp -R "\${KUBE_ROOT}/LICENSES" "\${release_stage}/"
  echo "\${KUBE_GIT_VERSION}" > "\${release_stage}/version"
  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_TARS}/kubernetes.tar.gz" "\${release_stage}/.."
}
`;
