import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import {
  BUILD_PLATFORMS,
  buildForPlatform,
  buildSomeBinaries,
  CROSS_COMPILERS,
  GOPATH_TREE,
  HOST_PLATFORM,
  inGopath,
  minimumGo,
  OUTFILE_FOR_BINARY,
  placeBins,
  platformEnvs,
  START_IN_GOPATH,
  staticPrograms,
} from "./scripts_golang.ts";

/** The build half of `hack/lib/golang.sh` in 1.20: GOPATH mode (T20:332-808). */
export function golangBuild120(facts: EraFacts): string {
  return [
    staticPrograms({
      name: "is_statically_linked_library",
      array: facts.staticArray,
      suffix: "",
    }),
    BINARIES_FROM_TARGETS,
    HOST_PLATFORM,
    platformEnvs({
      // Only linux/amd64 has the cross compilers.
      when: `"$(kube::golang::host_platform)" == "linux/amd64"`,
      compilers: CROSS_COMPILERS,
    }),
    GOPATH_TREE,
    VERIFY_GO_VERSION + minimumGo(facts.minimumGo),
    SETUP_ENV,
    placeBins("KUBE_OUTPUT_BINPATH"),
    OUTFILE_FOR_BINARY,
    buildSomeBinaries({
      install: "go install",
      folder: "${KUBE_GOPATH}/src/${package}",
      coverpkg: "k8s.io/...,k8s.io/kubernetes/vendor/k8s.io/...",
    }),
    buildForPlatform({
      isStatic: "kube::golang::is_statically_linked_library",
      installsuffix: "-installsuffix static",
      flags: [
        '-gcflags "${gogcflags}"',
        '-asmflags "${goasmflags}"',
        '-ldflags "${goldflags}"',
        '-tags "${gotags}"',
      ],
    }),
    BUILD_PLATFORMS,
    BUILD_BINARIES,
  ].join("\n");
}

/** Targets as they are in GOPATH. */
export const BINARIES_FROM_TARGETS =
  raw`# Turns targets into packages; what starts with a host name is one already.
kube::golang::binaries_from_targets() {
  local target
  for target; do
    if [[ "\${target}" =~ ^([[:alnum:]]+".")+[[:alnum:]]+"/" ]]; then
      echo "\${target}"
    else
      echo "\${KUBE_GO_PACKAGE}/\${target}"
    fi
  done
}
`;

/** The first half of `verify_go_version`; the function goes on. */
export const VERIFY_GO_VERSION = raw`kube::golang::verify_go_version() {
  if [[ -z "$(command -v go)" ]]; then
    kube::log::usage "There is no 'go' in PATH."
    return 2
  fi
`;

const SETUP_ENV = raw`# Sets GOPATH and GOCACHE and steps into the GOPATH.
kube::golang::setup_env() {
  kube::golang::verify_go_version
  kube::golang::create_gopath_tree

  export GOPATH="\${KUBE_GOPATH}"
  export GOCACHE="\${KUBE_GOPATH}/cache"
  if [[ -n \${KUBE_EXTRA_GOPATH:-} ]]; then
    GOPATH="\${GOPATH}:\${KUBE_EXTRA_GOPATH}"
  fi
  export PATH="\${KUBE_GOPATH}/bin:\${PATH}"
${inGopath()}}
`;

const BUILD_BINARIES = raw`# Builds the targets that are named, or all of them.
kube::golang::build_binaries() {
  (
${START_IN_GOPATH}
    # GOLDFLAGS unset means stripped; set, even to nothing, means as it is.
    local goldflags goasmflags gogcflags gotags
    goldflags="\${GOLDFLAGS=-s -w -buildid=} $(kube::version::ldflags)"
    goasmflags="-trimpath=\${KUBE_ROOT}"
    gogcflags="\${GOGCFLAGS:-} \${goasmflags}"
    # shellcheck disable=SC2001
    gotags="selinux,notest,$(echo "\${GOFLAGS:-}" | sed -e 's|.*-tags=\([^-]*\).*|\1|')"

    kube::util::read-array binaries < <(kube::golang::binaries_from_targets "\${targets[@]}")

    kube::golang::internal::build_platforms
  )
}
`;
