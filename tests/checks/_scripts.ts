/** What tests of checks share: a checkout with scripts, and a driver in the form of Kubernetes' own. */

/** `hack/make-rules/verify.sh` in the form of 1.20, without reports. */
export const VERIFY = `#!/usr/bin/env bash
set -o errexit
set -o nounset
set -o pipefail
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/../..
EXCLUDED_PATTERNS=(
  "verify-all.sh"                # this script calls the make rule and would cause a loop
  "verify-*-dockerized.sh"       # not to be run directly
  "verify-linkcheck.sh"
  )
if [[ \${EXCLUDE_TYPECHECK:-} =~ ^[yY]$ ]]; then
  EXCLUDED_PATTERNS+=(
    "verify-typecheck.sh"
    "verify-typecheck-dockerless.sh"
    )
fi
QUICK_PATTERNS+=(
  "verify-gofmt.sh"
  "verify-gone.sh"
)
while IFS='' read -r line; do EXCLUDED_CHECKS+=("$line"); done < <(ls "\${EXCLUDED_PATTERNS[@]/#/\${KUBE_ROOT}/hack/}" 2>/dev/null || true)
while IFS='' read -r line; do QUICK_CHECKS+=("$line"); done < <(ls "\${QUICK_PATTERNS[@]/#/\${KUBE_ROOT}/hack/}" 2>/dev/null || true)
TARGET_LIST=()
IFS=" " read -r -a TARGET_LIST <<< "\${WHAT:-}"
function is-in {
  local file=$1; shift
  for e; do [[ "\${file}" -ef "\${e}" ]] && return; done
  return 1
}
function is-explicitly-chosen {
  local name="\${1#verify-}"
  name="\${name%.*}"
  for e in "\${TARGET_LIST[@]}"; do [[ "\${e}" == "\${name}" ]] && return; done
  return 1
}
QUICK=\${QUICK:-false}
ret=0
function run-checks {
  for t in $1; do
    check_name="$(basename "\${t}")"
    if [[ -n \${WHAT:-} ]]; then
      is-explicitly-chosen "\${check_name}" || continue
    else
      if is-in "\${t}" "\${EXCLUDED_CHECKS[@]}"; then echo "Skipping \${check_name}"; continue; fi
      if \${QUICK} && ! is-in "\${t}" "\${QUICK_CHECKS[@]}"; then
        echo "Skipping \${check_name} in quick mode"; continue
      fi
    fi
    if "$2" "\${t}" > /dev/null 2>&1; then echo "SUCCESS \${check_name}"; else
      echo "FAILED \${check_name}"; ret=1
    fi
  done
}
run-checks "\${KUBE_ROOT}/hack/verify-*.sh" bash
run-checks "\${KUBE_ROOT}/hack/verify-*.py" python3
exit \${ret}
`;

/** `hack/make-rules/update.sh` in the form of 1.20. */
export const UPDATE = `#!/usr/bin/env bash
set -o nounset
BASH_TARGETS="
	update-first
	update-second
	update-third"
for t in \${BASH_TARGETS}; do bash "$(dirname "$0")/../\${t}.sh" || exit 1; done
`;

/** `hack/make-rules/vet.sh` in the form of 1.20. */
export const VET = `#!/usr/bin/env bash
set -o errexit
set -o nounset
set -o pipefail
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/../..
source "\${KUBE_ROOT}/hack/lib/init.sh"
cd "\${KUBE_ROOT}"
if [[ "\${CALLED_FROM_MAIN_MAKEFILE:-""}" == "" ]]; then
    echo "ERROR: $0 should not be run directly." >&2
    exit 1
fi
targets=()
for arg; do
  if [[ "\${arg}" == -* ]]; then
    goflags+=("\${arg}")
  else
    targets+=("\${arg}")
  fi
done
if [[ \${#targets[@]} -eq 0 ]]; then
  while IFS='' read -r line; do
    targets+=("\${line}")
  done < <(go list -e ./... | grep -E -v "/(build|third_party|vendor|staging|clientset_generated|hack)/")
fi
go vet "\${goflags[@]:+\${goflags[@]}}" "\${targets[@]}"
`;

/** Scripts of a checkout: path from the root -> text. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  "hack/make-rules/verify.sh": VERIFY,
  "hack/make-rules/vet.sh": VET,
  "hack/make-rules/update.sh": UPDATE,
  "hack/verify-all.sh": "exit 9\n",
  "hack/verify-bad.sh": 'echo "on stdout"\necho "ERROR: it is <wrong> & \\"bad\\"" >&2\nexit 3\n',
  "hack/verify-gofmt.sh": "[[ -z ${BASH_ENV:-} && $PWD -ef $(dirname $0)/.. ]]\n",
  "hack/verify-linkcheck.sh": "exit 9\n",
  "hack/verify-pkg-names.sh": "cat; command -v make > /dev/null\n",
  "hack/verify-runtime-dockerized.sh": "exit 9\n",
  "hack/verify-typecheck-dockerless.sh": "exit 0\n",
  "hack/verify-typecheck.sh": "kill -9 $$\n",
  "hack/verify-flags.py": "import sys\nsys.exit(0)\n",
  "hack/update-first.sh": "echo first >> updated\n",
  "hack/update-second.sh": 'echo second >> updated; echo hidden; echo "is broken" >&2; exit 4\n',
  "hack/update-third.sh": "echo third >> updated\n",
};
