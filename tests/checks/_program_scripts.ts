/** Checks that are Go programs, in the forms of the releases. */

const HEAD = `#!/usr/bin/env bash
# A comment.
set -o errexit
set -o nounset
set -o pipefail
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
source "\${KUBE_ROOT}/hack/lib/init.sh"
`;
const OR_FAILS = ` || ret=$?
if [[ $ret -ne 0 ]]; then
  echo "!!! wrong" >&2
  echo "!!! see there" >&2
  exit 1
fi
`;
const MODULES = `kube::util::read-array packages < <(
    go work edit -json | jq -r '.Use[].DiskPath + "/..."'
)
`;
const STAGED = `
for d in staging/src/k8s.io/*/; do
  if [ -d "$d" ]; then
    packages+=("./vendor/\${d#"staging/src/"}...")
  fi
done
`;

/** `hack/verify-import-aliases.sh` of 1.18 and later. */
export const ALIASES = `${HEAD}
kube::golang::verify_go_version
cd "\${KUBE_ROOT}"
ret=0
go run cmd/preferredimports/preferredimports.go "$@"${OR_FAILS}`;

/** `hack/verify-imports.sh` of 1.9 to 1.28. */
export const IMPORTS = `${HEAD}
kube::golang::setup_env
make -C "\${KUBE_ROOT}" WHAT=cmd/importverifier
# Find it.
importverifier=$(kube::util::find-binary "importverifier")
if [[ ! -x "$importverifier" ]]; then
  {
    echo "There is no importverifier"
    echo
    echo "'make WHAT=cmd/importverifier'."
  } >&2
  exit 1
fi
"\${importverifier}" "k8s.io/" "\${KUBE_ROOT}/staging/publishing/import-restrictions.yaml"
`;
/** 1.35. */
export const NEW_IMPORTS = `${HEAD}kube::golang::setup_env
GOPROXY=off go install ./cmd/importverifier
importverifier "k8s.io/" "\${KUBE_ROOT}/staging/publishing/import-restrictions.yaml"
`;
/** `hack/verify-import-boss.sh` of 1.6 to 1.11. */
export const OLD_BOSS = `${HEAD}kube::golang::setup_env
make -C "\${KUBE_ROOT}" WHAT=cmd/libs/go2idl/import-boss
$(kube::util::find-binary "import-boss") --verify-only
`;
/** 1.18. */
export const BOSS = `${HEAD}kube::golang::setup_env
make -C "\${KUBE_ROOT}" WHAT=vendor/k8s.io/code-generator/cmd/import-boss
packages=("k8s.io/kubernetes/pkg/..." "k8s.io/kubernetes/cmd/...")${STAGED}
$(kube::util::find-binary "import-boss") --verify-only "$@" --input-dirs "$(IFS=, ; echo "\${packages[*]}")"
`;
/** 1.28. */
export const LATER_BOSS = `${HEAD}kube::golang::setup_env
GO111MODULE=on GOPROXY=off go install k8s.io/code-generator/cmd/import-boss
packages=(
  "k8s.io/kubernetes/pkg/..."
  "k8s.io/kubernetes/cmd/..."
)${STAGED}
$(kube::util::find-binary "import-boss") --include-test-files=true --verify-only --input-dirs "$(IFS=, ; echo "\${packages[*]}")"
`;
/** 1.35. */
export const NEW_BOSS = `${HEAD}kube::golang::setup_env
kube::util::require-jq
packages=()
${MODULES}
GOPROXY=off \\
    go run ./cmd/import-boss -v "\${KUBE_VERBOSE:-0}" "\${packages[@]}"
`;
/** `hack/verify-typecheck.sh` of 1.20. */
export const TYPECHECK = `${HEAD}kube::golang::verify_go_version
cd "\${KUBE_ROOT}"
make --no-print-directory -C "\${KUBE_ROOT}" generated_files
ret=0
hack/run-in-gopath.sh \\
    go run test/typecheck/main.go "$@"${OR_FAILS}`;
/** 1.28. */
export const LATER_TYPECHECK = `${HEAD}kube::golang::verify_go_version
cd "\${KUBE_ROOT}"
ret=0
TYPECHECK_SERIAL="\${TYPECHECK_SERIAL:-false}"
hack/run-in-gopath.sh \\
    go run test/typecheck/main.go "$@" "--serial=$TYPECHECK_SERIAL"${OR_FAILS}`;
/** 1.35. */
export const NEW_TYPECHECK = `${HEAD}cd "\${KUBE_ROOT}"
kube::golang::setup_env
kube::util::require-jq
if [[ $# == 0 ]]; then
  # Much faster.
  packages=()
  ${MODULES}
  set -- "\${packages[@]}"
fi
ret=0
TYPECHECK_SERIAL="\${TYPECHECK_SERIAL:-false}"
go run ./test/typecheck "$@" "--serial=$TYPECHECK_SERIAL"${OR_FAILS}`;
