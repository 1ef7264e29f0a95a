/**
 * `hack/lib/version.sh` of the samples.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { BASH_HEAD } from "./scripts_targets.ts";

/** `hack/lib/version.sh`. */
export function versionScript(facts: EraFacts): string {
  return facts.godeps ? version17(facts) : version(facts);
}

/** The head of version.sh and the functions that find, save and load the version. */
function versionVars(
  options: { readonly archive: string; readonly match: string; readonly check: string },
): string {
  return raw`${BASH_HEAD}# Where this file sets and keeps the version:
#
#   KUBE_GIT_COMMIT       commit id
#   KUBE_GIT_TREE_STATE   clean, dirty or archive
#   KUBE_GIT_VERSION      v1.2.3, v1.2.3-4+0123456789abcd, ...
#   KUBE_GIT_MAJOR, KUBE_GIT_MINOR

# Sets the variables above: from KUBE_GIT_VERSION_FILE, from what 'git archive' left, or from git.
kube::version::get_version_vars() {
  if [[ -n \${KUBE_GIT_VERSION_FILE-} ]]; then
    kube::version::load_version_vars "\${KUBE_GIT_VERSION_FILE}"
    return
  fi

${options.archive}  local git=(git --work-tree "\${KUBE_ROOT}")
  local git_status

  if [[ -z \${KUBE_GIT_COMMIT-} ]] && ! KUBE_GIT_COMMIT=$("\${git[@]}" rev-parse "HEAD^{commit}" 2>/dev/null); then
    return 0
  fi
  if [[ -z \${KUBE_GIT_TREE_STATE-} ]]; then
    if git_status=$("\${git[@]}" status --porcelain 2>/dev/null) && [[ -z \${git_status} ]]; then
      KUBE_GIT_TREE_STATE="clean"
    else
      KUBE_GIT_TREE_STATE="dirty"
    fi
  fi

  if [[ -z \${KUBE_GIT_VERSION-} ]]; then
    KUBE_GIT_VERSION=$("\${git[@]}" describe --tags${options.match} --abbrev=14 "\${KUBE_GIT_COMMIT}^{commit}" 2>/dev/null) || return 0
  fi

  # v1.2.3-alpha.0-4-gHASH becomes v1.2.3-alpha.0.4+HASH, v1.2.3-4-gHASH becomes v1.2.3-4+HASH.
  if [[ "\${KUBE_GIT_VERSION}" =~ ^([^-]*-[^-]*)-([0-9]+)-g([0-9a-f]{14})$ ]]; then
    KUBE_GIT_VERSION="\${BASH_REMATCH[1]}.\${BASH_REMATCH[2]}+\${BASH_REMATCH[3]}"
  elif [[ "\${KUBE_GIT_VERSION}" =~ ^([^-]*-[0-9]+)-g([0-9a-f]{14})$ ]]; then
    KUBE_GIT_VERSION="\${BASH_REMATCH[1]}+\${BASH_REMATCH[2]}"
  fi
  if [[ "\${KUBE_GIT_TREE_STATE}" == "dirty" ]]; then
    KUBE_GIT_VERSION+="-dirty"
  fi

  if [[ "\${KUBE_GIT_VERSION}" =~ ^v([0-9]+)\.([0-9]+)(\.[0-9]+)?([-].*)?([+].*)?$ ]]; then
    KUBE_GIT_MAJOR=\${BASH_REMATCH[1]}
    KUBE_GIT_MINOR=\${BASH_REMATCH[2]}
    if [[ -n "\${BASH_REMATCH[4]}" ]]; then
      KUBE_GIT_MINOR+="+"
    fi
  fi
${options.check}}

# Writes the variables to a file.
kube::version::save_version_vars() {
  local version_file=\${1-}
  cat <<EOF >"\${version_file}"
KUBE_GIT_COMMIT='\${KUBE_GIT_COMMIT-}'
KUBE_GIT_TREE_STATE='\${KUBE_GIT_TREE_STATE-}'
KUBE_GIT_VERSION='\${KUBE_GIT_VERSION-}'
KUBE_GIT_MAJOR='\${KUBE_GIT_MAJOR-}'
KUBE_GIT_MINOR='\${KUBE_GIT_MINOR-}'
EOF
}

# Reads the variables from a file.
kube::version::load_version_vars() {
  local version_file=\${1-}
  source "\${version_file}"
}
`;
}

const ARCHIVE = raw`  # 'git archive' fills these in (.gitattributes says export-subst).
  # shellcheck disable=SC2016,SC2050
  if [[ '$Format:%%$' == "%" ]]; then
    KUBE_GIT_COMMIT='$Format:%H$'
    KUBE_GIT_TREE_STATE="archive"
    if [[ '$Format:%D$' =~ tag:\ (v[^ ,]+) ]]; then
      KUBE_GIT_VERSION="\${BASH_REMATCH[1]}"
    fi
  fi

`;

const SEMANTIC = raw`
  if ! [[ "\${KUBE_GIT_VERSION}" =~ ^v([0-9]+)\.([0-9]+)(\.[0-9]+)?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$ ]]; then
    kube::log::error "KUBE_GIT_VERSION is no semantic version: \${KUBE_GIT_VERSION}"
    exit 1
  fi
`;

/** 1.7 takes any tag, knows no archives, and prints its flags without quotes (T7:122-123). */
function version17({ versionPackages }: EraFacts): string {
  const flags = versionPackages.map((path) => `  echo "-X ${path}.\${key}=\${val}"\n`).join("");
  return raw`${versionVars({ archive: "", match: "", check: "" })}
kube::version::ldflag() {
  local key=\${1}
  local val=\${2}
${flags}}

# Prints what go's -ldflags needs to stamp the version.
kube::version::ldflags() {
  kube::version::get_version_vars

  local -a ldflags=($(kube::version::ldflag "buildDate" "$(date -u +'%Y-%m-%dT%H:%M:%SZ')"))
  [[ -z \${KUBE_GIT_COMMIT-} ]] || {
    ldflags+=($(kube::version::ldflag "gitCommit" "\${KUBE_GIT_COMMIT}"))
    ldflags+=($(kube::version::ldflag "gitTreeState" "\${KUBE_GIT_TREE_STATE}"))
  }
  [[ -z \${KUBE_GIT_VERSION-} ]] || ldflags+=($(kube::version::ldflag "gitVersion" "\${KUBE_GIT_VERSION}"))
  [[ -z \${KUBE_GIT_MAJOR-} || -z \${KUBE_GIT_MINOR-} ]] || {
    ldflags+=($(kube::version::ldflag "gitMajor" "\${KUBE_GIT_MAJOR}"))
    ldflags+=($(kube::version::ldflag "gitMinor" "\${KUBE_GIT_MINOR}"))
  }

  echo "\${ldflags[*]-}"
}
`;
}

function version({ versionPackages, goMode }: EraFacts): string {
  const flags = versionPackages.map((path) => `      "-X '${path}.\${key}=\${val}'"\n`).join("");
  const [date, ensure] = goMode === "gopath"
    ? ["date", ""]
    : ["${DATE}", "  kube::util::ensure-gnu-date\n"];
  return raw`${versionVars({ archive: ARCHIVE, match: " --match='v*'", check: SEMANTIC })}
# Prints what go's -ldflags needs to stamp the version.
kube::version::ldflags() {
  kube::version::get_version_vars

  local -a ldflags
  function add_ldflag() {
    local key=\${1}
    local val=\${2}
    ldflags+=(
${flags}    )
  }

${ensure}  local now
  now=$(${date} \${SOURCE_DATE_EPOCH:+"--date=@\${SOURCE_DATE_EPOCH}"} -u +'%Y-%m-%dT%H:%M:%SZ')
  add_ldflag buildDate "\${now}"
  [[ -z \${KUBE_GIT_COMMIT-} ]] || {
    add_ldflag gitCommit "\${KUBE_GIT_COMMIT}"
    add_ldflag gitTreeState "\${KUBE_GIT_TREE_STATE}"
  }
  [[ -z \${KUBE_GIT_VERSION-} ]] || add_ldflag gitVersion "\${KUBE_GIT_VERSION}"
  [[ -z \${KUBE_GIT_MAJOR-} || -z \${KUBE_GIT_MINOR-} ]] || {
    add_ldflag gitMajor "\${KUBE_GIT_MAJOR}"
    add_ldflag gitMinor "\${KUBE_GIT_MINOR}"
  }

  echo "\${ldflags[*]-}"
}
`;
}
