/**
 * The first half of the sample's `hack/lib/golang.sh`: platforms, targets and static binaries, in
 * the shapes of Kubernetes' own script. What changes from era to era comes from `EraFacts`.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";

/** First lines of each bash library. */
export const BASH_HEAD = raw`#!/usr/bin/env bash

# Part of kbuild's sample checkout: a small look-alike of Kubernetes, not Kubernetes.

`;

/** First lines of each bash program. */
export const BASH_PROGRAM_HEAD = raw`${BASH_HEAD}set -o errexit
set -o nounset
set -o pipefail

`;

function array(name: string, values: readonly string[]): string {
  return `readonly ${name}=(\n${values.map((value) => `  ${value}\n`).join("")})\n`;
}

function targets(name: string, values: readonly string[], extra = ""): string {
  const list = values.map((value) => `    ${value}\n`).join("");
  return `kube::golang::${name}() {\n  local targets=(\n${list}  )\n${extra}` +
    `  echo "\${targets[@]}"\n}\n`;
}

/** `KUBE_SUPPORTED_*_PLATFORMS`: what may be built. 1.7 says at once what is built. */
function platformArrays({ platforms }: EraFacts): string {
  return [
    "# Where the control plane runs.",
    array("KUBE_SUPPORTED_SERVER_PLATFORMS", platforms.server),
    "# Where nodes run.",
    array("KUBE_SUPPORTED_NODE_PLATFORMS", platforms.node),
    "# Where clients run.",
    array("KUBE_SUPPORTED_CLIENT_PLATFORMS", platforms.client),
    "# Where test programs run.",
    array("KUBE_SUPPORTED_TEST_PLATFORMS", platforms.test),
  ].join("\n");
}

const LIST_HELPERS = raw`# Prints each argument that is there more than once; sorted, one a line.
kube::golang::dups() {
  printf '%s\n' "$@" | sort | uniq -d
}

# Prints each argument once; sorted, one a line.
kube::golang::dedup() {
  printf '%s\n' "$@" | sort -u
}
`;

function choose(values: Readonly<Record<"SERVER" | "NODE" | "TEST" | "CLIENT", string>>): string {
  return (["SERVER", "NODE", "TEST", "CLIENT"] as const)
    .map((group) =>
      `    KUBE_${group}_PLATFORMS=(${values[group]})\n    readonly KUBE_${group}_PLATFORMS\n`
    ).join("");
}

function fastBuild(architecture: string): string {
  const linux = `"linux/${architecture}"`;
  const both = `"darwin/${architecture}" ${linux}`;
  const indent = (text: string) => text.replaceAll(/^/gm, "  ").trimEnd() + "\n";
  const mac = choose({ SERVER: linux, NODE: linux, TEST: both, CLIENT: both });
  const other = choose({ SERVER: linux, NODE: linux, TEST: linux, CLIENT: linux });
  return raw`    if [[ "\${KUBE_BUILDER_OS:-}" == "darwin"* ]]; then
${indent(mac)}    else
${indent(other)}    fi
`;
}

function setupPlatforms(facts: EraFacts): string {
  const hostArch = raw`    local host_arch
    host_arch=$(kube::util::host_arch)
    if [[ "\${host_arch}" != "amd64" && "\${host_arch}" != "arm64" && "\${host_arch}" != "ppc64le" && "\${host_arch}" != "s390x" ]]; then
      host_arch="amd64"
    fi
`;
  // Up to 1.20 a fast build is for amd64, whatever the host.
  const fast = facts.goMode === "gopath"
    ? fastBuild("amd64")
    : hostArch + fastBuild("${host_arch}");
  const all = choose({
    SERVER: '"${KUBE_SUPPORTED_SERVER_PLATFORMS[@]}"',
    NODE: '"${KUBE_SUPPORTED_NODE_PLATFORMS[@]}"',
    TEST: '"${KUBE_SUPPORTED_TEST_PLATFORMS[@]}"',
    CLIENT: '"${KUBE_SUPPORTED_CLIENT_PLATFORMS[@]}"',
  });
  return raw`# Decides the platforms of this run from KUBE_BUILD_PLATFORMS, KUBE_FASTBUILD and
# KUBE_BUILDER_OS. A platform that no list above has is dropped.
declare -a KUBE_SERVER_PLATFORMS
declare -a KUBE_CLIENT_PLATFORMS
declare -a KUBE_NODE_PLATFORMS
declare -a KUBE_TEST_PLATFORMS
kube::golang::setup_platforms() {
  if [[ -n "\${KUBE_BUILD_PLATFORMS:-}" ]]; then
    local -a wanted
    local group supported
    read -ra wanted <<< "\${KUBE_BUILD_PLATFORMS}"
    # Once each: what is there twice then, is wanted and supported.
    kube::util::read-array wanted < <(kube::golang::dedup "\${wanted[@]}")
    for group in SERVER NODE TEST CLIENT; do
      supported="KUBE_SUPPORTED_\${group}_PLATFORMS[@]"
      kube::util::read-array "KUBE_\${group}_PLATFORMS" < <(kube::golang::dups "\${wanted[@]}" "\${!supported}")
      readonly "KUBE_\${group}_PLATFORMS"
    done
  elif [[ "\${KUBE_FASTBUILD:-}" == "true" ]]; then
${fast}  else
${all}  fi
}

kube::golang::setup_platforms
`;
}

/** 1.7 has no function for platforms, and KUBE_BUILD_PLATFORMS narrows none of its lists. */
function platforms17({ platforms }: EraFacts): string {
  const indented = (text: string) => text.replaceAll(/^(?=.)/gm, "  ");
  const lists = (["server", "node", "client", "test"] as const).map((group) =>
    array(`KUBE_${group.toUpperCase()}_PLATFORMS`, platforms[group])
  );
  const fast = (group: string) => `readonly KUBE_${group}_PLATFORMS=(linux/amd64)\n`;
  const mac = (group: string) => array(`KUBE_${group}_PLATFORMS`, ["darwin/amd64", "linux/amd64"]);
  return raw`if [[ "\${KUBE_FASTBUILD:-}" == "true" ]]; then
${indented(fast("SERVER") + fast("NODE"))}  if [[ "\${KUBE_BUILDER_OS:-}" == "darwin"* ]]; then
${indented(indented(mac("TEST") + mac("CLIENT")))}  else
${indented(indented(fast("TEST") + fast("CLIENT")))}  fi
else
${indented(lists.join("\n"))}fi
`;
}

function readTargets(array: string, name: string): string {
  return raw`
IFS=" " read -ra ${array} <<< "$(kube::golang::${name})"
readonly ${array}
`;
}

function binaries(group: string): string {
  return `readonly KUBE_${group}_BINARIES=("\${KUBE_${group}_TARGETS[@]##*/}")\n`;
}

function windowsBinaries(group: string): string {
  return `readonly KUBE_${group}_BINARIES_WIN=("\${KUBE_${group}_BINARIES[@]/%/.exe}")\n`;
}

const NODE_TEST = raw`
  if [[ "\${OSTYPE:-}" == "linux"* ]]; then
    targets+=( test/e2e_node/e2e_node.test )
  fi

`;

/** A function that prints targets, the array that is read from it, and the programs' names. */
function targetGroup(group: string, values: readonly string[], extra = ""): string {
  const name = {
    SERVER_IMAGE: "server_image",
    CONFORMANCE_IMAGE: "conformance_image",
    TEST_SERVER: "server_test",
  }[group] ?? group.toLowerCase();
  return targets(`${name}_targets`, values, extra) +
    readTargets(`KUBE_${group}_TARGETS`, `${name}_targets`);
}

function goPackage({ goMode }: EraFacts): string {
  const name = "# The package that is built.\nreadonly KUBE_GO_PACKAGE=k8s.io/kubernetes\n";
  const gopath = raw`readonly KUBE_GOPATH="\${KUBE_GOPATH:-"\${KUBE_OUTPUT}/go"}"
export KUBE_GOPATH
`;
  if (goMode === "workspace") return gopath;
  return name + (goMode === "modules" ? gopath : raw`readonly KUBE_GOPATH="\${KUBE_OUTPUT}/go"
`);
}

/** `hack/lib/golang.sh` up to and with the coverage list. */
export function golangLists(facts: EraFacts): string {
  const { targets: lists, godeps } = facts;
  const images = [
    "# Programs that get a container image.\n" + targetGroup("SERVER_IMAGE", lists.serverImage) +
    binaries("SERVER_IMAGE"),
    "# Programs in the conformance image.\n" +
    targetGroup("CONFORMANCE_IMAGE", lists.conformanceImage),
  ];
  const coverage = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
    .concat("kubelet").map((name) => `k8s.io/kubernetes/cmd/${name}`);
  const servers = godeps
    ? '"${KUBE_SERVER_PLATFORMS[@]}"'
    : '"${KUBE_SERVER_PLATFORMS[@]:+"${KUBE_SERVER_PLATFORMS[@]}"}"';
  return [
    `${BASH_HEAD}# shellcheck disable=SC2034\n\n${goPackage(facts)}`,
    ...(godeps ? [] : [platformArrays(facts)]),
    "# Programs of the control plane; Linux only.\n" + targetGroup("SERVER", lists.server) +
    binaries("SERVER"),
    ...(godeps ? [] : images),
    "# Programs of a node.\n" + targetGroup("NODE", lists.node) + binaries("NODE") +
    windowsBinaries("NODE"),
    ...(godeps ? [platforms17(facts)] : [LIST_HELPERS, setupPlatforms(facts)]),
    "# Programs for users.\n" + array("KUBE_CLIENT_TARGETS", lists.client) + binaries("CLIENT") +
    windowsBinaries("CLIENT"),
    "# Test programs for all platforms.\n" + targetGroup("TEST", lists.test) + binaries("TEST") +
    windowsBinaries("TEST") + array("KUBE_TEST_PORTABLE", facts.testPortable),
    "# Test programs that run in a cluster.\n" +
    targetGroup("TEST_SERVER", lists.serverTest, NODE_TEST) + binaries("TEST_SERVER") +
    `readonly KUBE_TEST_SERVER_PLATFORMS=(${servers})\n`,
    `# GiB that building platforms side by side needs.\n` +
    `readonly KUBE_PARALLEL_BUILD_MEMORY=${facts.parallelMemory}\n`,
    array("KUBE_ALL_TARGETS", [
      '"${KUBE_SERVER_TARGETS[@]}"',
      '"${KUBE_CLIENT_TARGETS[@]}"',
      '"${KUBE_TEST_TARGETS[@]}"',
      '"${KUBE_TEST_SERVER_TARGETS[@]}"',
      ...(lists.others ?? []),
    ]) + binaries("ALL"),
    "# Built with CGO_ENABLED=0.\n" + array(facts.staticArray, facts.statics),
    ...(godeps ? [] : [
      "# Built by `go test -c` when KUBE_BUILD_WITH_COVERAGE is set.\n" +
      array("KUBE_COVERAGE_INSTRUMENTED_PACKAGES", coverage),
    ]),
  ].join("\n");
}
