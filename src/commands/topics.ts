import {
  type FlagSpec,
  type HelpTopic,
  PROGRESS_VARIABLE,
  variableDefinition,
  VARIABLES_TOPIC,
  variablesOf,
  type VariableSpec,
  VERBOSE_VARIABLE,
} from "../cli/mod.ts";
import { DOWNLOAD_VARIABLES, LOCK_FILE_FLAG } from "./download.ts";
import { ENTRY_POINTS, type EntryPoint } from "./entry_points.ts";
import {
  BASES,
  BLOB_CACHE_VARIABLE,
  BUILD_ENGINE,
  BUILD_IMAGE,
  BUILDER_VARIABLE,
  CA_FILE,
  CACHE_FROM,
  CACHE_TO,
  CACHE_VARIABLE,
  CODEGEN_VARIABLES,
  COMPILE_VARIABLES,
  COMPRESSION_LEVEL,
  CONFIG,
  CONTAINER_VARIABLES,
  ENGINE_VARIABLES,
  ETCD_VARIABLES,
  EXTRA_WHAT_VARIABLE,
  GENERATION_VARIABLES,
  GNU_TOOLS,
  GO,
  GO_VARIABLES,
  MIRROR,
  OFFLINE,
  OUT_DIR_VARIABLE,
  PLATFORM,
  PRINT_HELP,
  PROTOC_VARIABLE,
  RELEASE_VARIABLES,
  SHARED_FLAGS,
  SYNC,
  TEST_VARIABLES,
  TRIMPATH,
  UPDATE_VARIABLES,
  VERIFY_VARIABLES,
  VERSION_VARIABLES,
  WHAT,
} from "./flags.ts";

/** What kbuild or the programs that it starts read from the environment alone, as others do. */
const ENVIRONMENT: readonly VariableSpec[] = [
  { name: "GOPROXY", summary: "Proxies to fetch the pinned Go from; GOSUMDB as in Go" },
  { name: "GOCACHE", summary: "Go's build cache", default: "in _output" },
  { name: "GOMODCACHE", summary: "Go's module cache from 1.26 on", default: "in _output" },
  { name: "HTTPS_PROXY", summary: "Proxy for fetching; NO_PROXY names exceptions" },
  { name: "DOCKER_CONFIG", summary: "Directory of config.json with registry log-ins" },
  { name: "CONTAINERD_ADDRESS", summary: "containerd, for images load --into containerd" },
  { name: "KIND_CLUSTER_NAME", summary: "The cluster, for images load --into kind" },
  { name: "NO_COLOR", summary: "If not empty: no colours" },
  { name: "TERM", summary: "dumb: no colours and no redrawn line" },
  { name: "KBUILD_BINARY", summary: "Program that the npm package starts" },
];

/** The variable that a flag stands for, as the page of variables explains it. */
function behind(flag: FlagSpec): VariableSpec {
  const [variable] = variablesOf({ name: "", group: "", summary: "", flags: [flag], examples: [] });
  return variable!;
}

const GROUPS: readonly (readonly [title: string, variables: readonly VariableSpec[]])[] = [
  ["Targets and platforms", [...[WHAT, PLATFORM].map(behind), EXTRA_WHAT_VARIABLE]],
  ["Compiling", [...COMPILE_VARIABLES, behind(TRIMPATH), OUT_DIR_VARIABLE]],
  ["Generated files", [...GENERATION_VARIABLES, ...CODEGEN_VARIABLES, PROTOC_VARIABLE]],
  ["Tests", [...TEST_VARIABLES, ...ETCD_VARIABLES]],
  ["Checks and updates", [...VERIFY_VARIABLES, ...UPDATE_VARIABLES.slice(1)]],
  ["Version", VERSION_VARIABLES],
  ["Go toolchain", [behind(GO), ...GO_VARIABLES.filter((each) => each !== CACHE_VARIABLE)]],
  ["Releases and images", [
    ...RELEASE_VARIABLES.filter((each) => each !== BLOB_CACHE_VARIABLE),
    ...[BASES, COMPRESSION_LEVEL].map(behind),
  ]],
  ["Fetching", [
    ...[OFFLINE, MIRROR, CA_FILE].map(behind),
    CACHE_VARIABLE,
    BLOB_CACHE_VARIABLE,
  ]],
  ["Published releases", [behind(LOCK_FILE_FLAG), ...DOWNLOAD_VARIABLES]],
  ["Containers", [
    ...[BUILD_ENGINE, BUILD_IMAGE, SYNC, CACHE_FROM, CACHE_TO].map(behind),
    BUILDER_VARIABLE,
    ...ENGINE_VARIABLES,
    ...CONTAINER_VARIABLES,
  ]],
  ["Results that machines share", SHARED_FLAGS.filter((flag) => flag !== TRIMPATH).map(behind)],
  ["kbuild itself", [
    behind(CONFIG),
    behind(GNU_TOOLS),
    PROGRESS_VARIABLE,
    VERBOSE_VARIABLE,
    PRINT_HELP,
  ]],
  ["Environment only", ENVIRONMENT],
];

/** `kbuild help variables`. */
const VARIABLES: HelpTopic = {
  name: VARIABLES_TOPIC,
  summary: "Explain the variables, as arguments and in the environment",
  description:
    "NAME=value among the arguments sets a variable, as in make. A flag beats such a variable, which " +
    "beats the environment. An empty variable in the environment counts as not set. " +
    '"kbuild help COMMAND" names the variables that a command reads.',
  sections: GROUPS.map(([title, variables]) => ({
    title,
    rows: variables.map(variableDefinition),
  })),
};

function entryRow({ targets = [], scripts = [], does, command, note }: EntryPoint) {
  const names = [...targets.map((name) => `make ${name}`), ...scripts].join(", ");
  const meaning = command === undefined ? does : `kbuild ${command}`;
  return [names, note === undefined ? meaning : `${meaning} (${note})`] as const;
}

function entrySection(title: string, isIn: (entry: EntryPoint) => boolean) {
  return { title, rows: ENTRY_POINTS.filter(isIn).map(entryRow) };
}

/** `kbuild help scripts`. */
const SCRIPTS: HelpTopic = {
  name: "scripts",
  summary: "List make targets and scripts with their replacements",
  description: "These make targets are commands with the same name: all, cross, release, " +
    "release-skip-tests, quick-release, package, package-tarballs, test, check, test-integration, test-cmd, test-e2e-node, " +
    "test-e2e-kubeadm, lint, vet, verify, quick-verify, update, clean, help, ginkgo, and the " +
    "directories in cmd/. Other targets and scripts, of all releases:",
  sections: [
    entrySection("Commands with another name", ({ command }) => command !== undefined),
    entrySection(
      "Not available yet: run them without kbuild",
      ({ command, without = "later" }) => command === undefined && without === "later",
    ),
    entrySection("Not needed with kbuild", ({ without }) => without === "needless"),
    entrySection("Outside of kbuild", ({ without }) => without === "outside"),
  ],
};

/** Pages of help beside those of the commands. */
export const TOPICS: readonly HelpTopic[] = Object.freeze([VARIABLES, SCRIPTS]);
