/** The checkout's own `kube::release::package_tarballs`, with no more than the image builds replaced. */

/**
 * For `bash -c SCRIPT bash ROOT IMAGES`: packs the binaries of `OUT_DIR` (`_output`). Images need
 * Docker: in their place the archives of IMAGES (`<arch>/<name>.tar`, hard-linked), or one line of
 * text each where IMAGES is empty. `KUBE_GIT_VERSION` and `KUBE_GIT_TREE_STATE` are the checkout's
 * unless both are set.
 */
export const PACKAGE_TARBALLS = `set -o errexit -o nounset -o pipefail
cd "$1"
images=$2
version=\${KUBE_GIT_VERSION-}
state=\${KUBE_GIT_TREE_STATE-}
source build/common.sh
source build/lib/release.sh
kube::util::ensure-docker-buildx() { :; }
kube::release::create_docker_images_for_server() {
  local wrapped name
  [[ -z "\${RELEASE_IMAGES-}" ]] || mkdir -p "\${RELEASE_IMAGES}/$2"
  for wrapped in $(kube::build::get_docker_wrapped_binaries "$2"); do
    name=\${wrapped%%,*}
    if [[ -n "\${images}" ]]; then
      ln "\${images}/$2/\${name}.tar" "$1/\${name}.tar"
    else
      echo "an image" > "$1/\${name}.tar"
    fi
    echo "\${KUBE_GIT_VERSION/+/_}" > "$1/\${name}.docker_tag"
    [[ -z "\${RELEASE_IMAGES-}" ]] || ln "$1/\${name}.tar" "\${RELEASE_IMAGES}/$2/"
  done
}
kube::build::ensure_tar
if [[ -n "\${version}" ]]; then
  KUBE_GIT_VERSION=\${version}
  KUBE_GIT_TREE_STATE=\${state}
else
  kube::version::get_version_vars
fi
rm -rf "\${LOCAL_OUTPUT_ROOT}/release-stage"
kube::release::package_tarballs
`;
