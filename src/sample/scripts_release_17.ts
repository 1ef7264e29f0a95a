import { raw } from "./raw.ts";
import { CREATE_TARBALL } from "./scripts_release.ts";
import { BASH_HEAD } from "./scripts_targets.ts";

/**
 * `build/lib/release.sh` of 1.7 (T7:60-560): salt, one test tarball for all platforms, images that
 * are built beside the programs. The images and hyperkube need Docker.
 */
export function releaseLibrary17(): string {
  return [HEAD, CREATE_TARBALL, PLATFORM_TARBALLS, IMAGES, SALT, MANIFESTS, REST].join("\n");
}

const HEAD = raw`${BASH_HEAD}# Stages, tarballs and images of a release.
readonly RELEASE_STAGE="\${LOCAL_OUTPUT_ROOT}/release-stage"
readonly RELEASE_DIR="\${LOCAL_OUTPUT_ROOT}/release-tars"

# Removes editors' leftovers.
function kube::release::clean_cruft() {
  find "\${RELEASE_STAGE}" \( -name '*~' -o -name '#*#' -o -name '.DS*' \) -exec rm {} \;
}

# Makes images of hyperkube, which stay in Docker.
function kube::release::package_hyperkube() {
  if [[ -n "\${KUBE_DOCKER_IMAGE_TAG-}" && -n "\${KUBE_DOCKER_REGISTRY-}" ]]; then
    for arch in "\${KUBE_SERVER_PLATFORMS[@]##*/}"; do
      kube::log::status "Building hyperkube image for arch: \${arch}"
      REGISTRY="\${KUBE_DOCKER_REGISTRY}" VERSION="\${KUBE_DOCKER_IMAGE_TAG}" ARCH="\${arch}" make -C cluster/images/hyperkube/ build
    done
  fi
}

function kube::release::package_tarballs() {
  rm -rf "\${RELEASE_STAGE}" "\${RELEASE_DIR}"
  mkdir -p "\${RELEASE_DIR}"
  kube::release::package_src_tarball
  kube::release::package_client_tarballs
  kube::release::package_salt_tarball
  kube::release::package_kube_manifests_tarball
  kube::release::package_node_tarballs
  kube::release::package_server_tarballs
  kube::release::package_final_tarball
  kube::release::package_test_tarball
}
`;

const PLATFORM_TARBALLS = raw`function kube::release::package_src_tarball() {
  kube::log::status "Building tarball: src"
  local source_files=(
    $(cd "\${KUBE_ROOT}" && find . -mindepth 1 -maxdepth 1 ! -path './_*' ! -path './.git*' ! -path './.config*' ! -path './.gsutil*')
  )
  "\${TAR}" czf "\${RELEASE_DIR}/kubernetes-src.tar.gz" -C "\${KUBE_ROOT}" "\${source_files[@]}"
}

function kube::release::package_client_tarballs() {
  local platform platforms
  platforms=($(cd "\${LOCAL_OUTPUT_BINPATH}" ; echo */*))
  for platform in "\${platforms[@]}"; do
    local platform_tag=\${platform/\//-}
    kube::log::status "Starting tarball: client $platform_tag"
    local release_stage="\${RELEASE_STAGE}/client/\${platform_tag}/kubernetes"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/client/bin" "\${KUBE_CLIENT_BINARIES[@]}"
    kube::release::create_tarball "\${RELEASE_DIR}/kubernetes-client-\${platform_tag}.tar.gz" "\${release_stage}/.."
  done
}

function kube::release::package_node_tarballs() {
  local platform
  for platform in "\${KUBE_NODE_PLATFORMS[@]}"; do
    local platform_tag=\${platform/\//-}
    kube::log::status "Building tarball: node $platform_tag"
    local release_stage="\${RELEASE_STAGE}/node/\${platform_tag}/kubernetes"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/node/bin" "\${KUBE_NODE_BINARIES[@]}" "\${KUBE_CLIENT_BINARIES[@]}"
    cp "\${KUBE_ROOT}/Godeps/LICENSES" "\${release_stage}/"
    cp "\${RELEASE_DIR}/kubernetes-src.tar.gz" "\${release_stage}/"
    kube::release::create_tarball "\${RELEASE_DIR}/kubernetes-node-\${platform_tag}.tar.gz" "\${release_stage}/.."
  done
}

function kube::release::package_server_tarballs() {
  local platform
  for platform in "\${KUBE_SERVER_PLATFORMS[@]}"; do
    local platform_tag=\${platform/\//-}
    local arch=$(basename \${platform})
    kube::log::status "Building tarball: server $platform_tag"
    local release_stage="\${RELEASE_STAGE}/server/\${platform_tag}/kubernetes"
    mkdir -p "\${release_stage}/addons"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/server/bin" "\${KUBE_SERVER_BINARIES[@]}"
    kube::release::create_docker_images_for_server "\${release_stage}/server/bin" "\${arch}"
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/server/bin" "\${KUBE_CLIENT_BINARIES[@]}"
    cp "\${KUBE_ROOT}/Godeps/LICENSES" "\${release_stage}/"
    cp "\${RELEASE_DIR}/kubernetes-src.tar.gz" "\${release_stage}/"
    kube::release::create_tarball "\${RELEASE_DIR}/kubernetes-server-\${platform_tag}.tar.gz" "\${release_stage}/.."
  done
}
`;

const IMAGES = raw`# Makes the images of an architecture: folder of the programs, architecture.
function kube::release::create_docker_images_for_server() {
  local binary_dir="$1"
  local arch="$2"
  local wrappable
  for wrappable in $(kube::build::get_docker_wrapped_binaries \${arch}); do
    local binary_name=\${wrappable%%,*}
    local base_image=\${wrappable##*,}
    local docker_tag="\${KUBE_GIT_VERSION/+/_}"
    local docker_build_path="\${binary_dir}/\${binary_name}.dockerbuild"
    local docker_file_path="\${docker_build_path}/Dockerfile"
    local docker_image_tag="gcr.io/google_containers"

    mkdir -p \${docker_build_path}
    ln \${binary_dir}/\${binary_name} \${docker_build_path}/\${binary_name}
    printf " FROM \${base_image} \n ADD \${binary_name} /usr/local/bin/\${binary_name}\n" > \${docker_file_path}

    if [[ \${arch} == "amd64" ]]; then
      docker_image_tag+="/\${binary_name}:\${docker_tag}"
    else
      docker_image_tag+="/\${binary_name}-\${arch}:\${docker_tag}"
    fi

    "\${DOCKER[@]}" build --pull -q -t "\${docker_image_tag}" \${docker_build_path} >/dev/null
    "\${DOCKER[@]}" save \${docker_image_tag} > \${binary_dir}/\${binary_name}.tar
    echo "\${docker_tag}" > \${binary_dir}/\${binary_name}.docker_tag
    rm -rf \${docker_build_path}
  done
}
`;

/** Copies the addons' files into the directory `addons_dir`; names may hold blanks. */
const OBJECTS =
  raw`  (cd "\${KUBE_ROOT}/cluster/addons" && find . \( -name \*.yaml -or -name \*.yaml.in -or -name \*.json \) -print0 | grep -zv demo) \
    | tar c -C "\${KUBE_ROOT}/cluster/addons" --null -T - | tar x -C "\${addons_dir}"
`;

const SALT = raw`function kube::release::package_salt_tarball() {
  kube::log::status "Building tarball: salt"
  local release_stage="\${RELEASE_STAGE}/salt/kubernetes"
  mkdir -p "\${release_stage}"

  cp -R "\${KUBE_ROOT}/cluster/saltbase" "\${release_stage}/"

  local addons_dir="\${release_stage}/saltbase/salt/kube-addons"
${OBJECTS}
  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_DIR}/kubernetes-salt.tar.gz" "\${release_stage}/.."
}
`;

const MANIFESTS = raw`function kube::release::package_kube_manifests_tarball() {
  kube::log::status "Building tarball: manifests"

  local salt_dir="\${KUBE_ROOT}/cluster/saltbase/salt"
  local release_stage="\${RELEASE_STAGE}/manifests/kubernetes"
  mkdir -p "\${release_stage}"
  cp "\${salt_dir}/kube-registry-proxy/kube-registry-proxy.yaml" "\${release_stage}/"
  cp "\${salt_dir}/kube-proxy/kube-proxy.manifest" "\${release_stage}/"

  local addons_dir="\${release_stage}/gci-trusty"
  mkdir -p "\${addons_dir}"
  local name
  for name in cluster-autoscaler etcd kube-scheduler kube-apiserver kube-controller-manager rescheduler e2e-image-puller; do
    cp "\${salt_dir}/\${name}/\${name}.manifest" "\${addons_dir}/"
  done
  cp "\${salt_dir}/kube-apiserver/abac-authz-policy.jsonl" "\${addons_dir}"
  cp "\${salt_dir}/kube-addons/kube-addon-manager.yaml" "\${addons_dir}"
  cp "\${salt_dir}/l7-gcp/glbc.manifest" "\${addons_dir}"
  cp "\${KUBE_ROOT}/cluster/gce/gci/configure-helper.sh" "\${addons_dir}/gci-configure-helper.sh"
  cp "\${KUBE_ROOT}/cluster/gce/gci/mounter/mounter" "\${addons_dir}/gci-mounter"
  cp "\${KUBE_ROOT}/cluster/gce/gci/health-monitor.sh" "\${addons_dir}/health-monitor.sh"
  cp "\${KUBE_ROOT}/cluster/gce/container-linux/configure-helper.sh" "\${addons_dir}/container-linux-configure-helper.sh"
  cp -r "\${salt_dir}/kube-admission-controls/limit-range" "\${addons_dir}"
${OBJECTS}
  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_DIR}/kubernetes-manifests.tar.gz" "\${release_stage}/.."
}
`;

const REST = raw`function kube::release::package_test_tarball() {
  kube::log::status "Building tarball: test"
  local release_stage="\${RELEASE_STAGE}/test/kubernetes"
  mkdir -p "\${release_stage}"

  local platform
  for platform in "\${KUBE_TEST_PLATFORMS[@]}"; do
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/platforms/\${platform}" "\${KUBE_TEST_BINARIES[@]}"
  done
  for platform in "\${KUBE_TEST_SERVER_PLATFORMS[@]}"; do
    kube::release::internal::copy_binaries "\${platform}" "\${release_stage}/platforms/\${platform}" "\${KUBE_TEST_SERVER_BINARIES[@]}"
  done

  mkdir -p "\${release_stage}/test/images"
  cp -fR "\${KUBE_ROOT}/test/images" "\${release_stage}/test/"
  tar c \${KUBE_TEST_PORTABLE[@]} | tar x -C \${release_stage}

  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_DIR}/kubernetes-test.tar.gz" "\${release_stage}/.."
}

function kube::release::package_final_tarball() {
  kube::log::status "Building tarball: final"
  local release_stage="\${RELEASE_STAGE}/full/kubernetes"
  mkdir -p "\${release_stage}/client"
  cat <<EOF > "\${release_stage}/client/README"
The client programs are not in here: run cluster/get-kube-binaries.sh.
EOF

  cp -R "\${KUBE_ROOT}/cluster" "\${release_stage}/"
  rm -rf "\${release_stage}/cluster/saltbase"

  mkdir -p "\${release_stage}/server"
  cp "\${RELEASE_DIR}/kubernetes-salt.tar.gz" "\${release_stage}/server/"
  cp "\${RELEASE_DIR}/kubernetes-manifests.tar.gz" "\${release_stage}/server/"
  cat <<EOF > "\${release_stage}/server/README"
The server programs are not in here: run cluster/get-kube-binaries.sh.
EOF

  mkdir -p "\${release_stage}/third_party"
  cp -R "\${KUBE_ROOT}/third_party/htpasswd" "\${release_stage}/third_party/htpasswd"

  mkdir "\${release_stage}/federation"
  cp -R "\${KUBE_ROOT}/federation/cluster" "\${release_stage}/federation/"
  cp -R "\${KUBE_ROOT}/federation/manifests" "\${release_stage}/federation/"
  cp -R "\${KUBE_ROOT}/federation/deploy" "\${release_stage}/federation/"

  mkdir -p "\${release_stage}/hack"
  cp -R "\${KUBE_ROOT}/hack/lib" "\${release_stage}/hack/"

  cp -R "\${KUBE_ROOT}/examples" "\${release_stage}/"
  cp -R "\${KUBE_ROOT}/docs" "\${release_stage}/"
  cp "\${KUBE_ROOT}/README.md" "\${release_stage}/"
  cp "\${KUBE_ROOT}/Godeps/LICENSES" "\${release_stage}/"
  cp "\${KUBE_ROOT}/Vagrantfile" "\${release_stage}/"
  echo "\${KUBE_GIT_VERSION}" > "\${release_stage}/version"

  kube::release::clean_cruft
  kube::release::create_tarball "\${RELEASE_DIR}/kubernetes.tar.gz" "\${release_stage}/.."
}
`;
