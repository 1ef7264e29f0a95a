/** Scripts of a checkout that run gofmt, in the forms of the releases. */

const HEAD = `#!/usr/bin/env bash
# A comment.
set -o errexit
set -o nounset
set -o pipefail
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/..
source "\${KUBE_ROOT}/hack/lib/init.sh"
cd "\${KUBE_ROOT}"
kube::golang::setup_env
`;
const FIND = `find_files() {
  find . -not \\( \\
      \\( \\
        -wholename './_output' \\
        -o -wholename './release' \\
        -o -wholename '*/third_party/*' \\
        -o -wholename '*/vendor/*' \\
        -o -wholename './staging/src/k8s.io/client-go/*vendor/*' \\
        -o -wholename '*/bindata.go' \\
      \\) -prune \\
    \\) -name '*.go'
}
`;
const LIST = `function git_find() {
    # Similar to find.
    git ls-files -cmo --exclude-standard \\
        ':!:vendor/*'        \`# what is in vendor\` \\
        ':!:*/testdata/*'    \`# and testdata\` \\
        ':(glob)**/*.go' \\
        "$@"
}
`;
const REPORT = `if [[ -n "\${diff}" ]]; then
  echo "\${diff}" >&2
  echo >&2
  echo "Run ./hack/update-gofmt.sh" >&2
  exit 1
fi
`;

/** `hack/verify-gofmt.sh`: 1.6 to 1.29, and in the form that updates have from 1.30 on. */
export const VERIFY_GOFMT = `${HEAD}${FIND}
diff=$(find_files | xargs gofmt -d -s 2>&1) || true
${REPORT}`;
export const VERIFY_GOFMT_GIT = `${HEAD}${LIST}
diff=$(git_find -z | xargs -0 gofmt -d -s 2>&1) || true
${REPORT}`;
/** `hack/update-gofmt.sh`, likewise. */
export const UPDATE_GOFMT = `${HEAD}${FIND}
find_files | xargs gofmt -s -w
`;
export const UPDATE_GOFMT_GIT = `${HEAD}${LIST}
git_find -z | xargs -0 gofmt -s -w
`;
/** `hack/lib/init.sh\` as far as these need it. */
export const INIT = "kube::golang::setup_env() { true; }\n";
