import {
  type FlagSpec,
  type HelpTopic,
  variableDefinition,
  VARIABLES_TOPIC,
  variablesOf,
  type VariableSpec,
  VERBOSE_VARIABLE,
} from "../cli/mod.ts";
import { ENTRY_POINTS, type EntryPoint } from "./entry_points.ts";
import {
  BASES,
  BLOB_CACHE_VARIABLE,
  CA_FILE,
  CACHE_VARIABLE,
  COMPILE_VARIABLES,
  COMPRESSION_LEVEL,
  CONFIG,
  GO,
  GO_VARIABLES,
  MIRROR,
  OFFLINE,
  OUT_DIR_VARIABLE,
  PLATFORM,
  RELEASE_VARIABLES,
  VERSION_VARIABLES,
  WHAT,
} from "./flags.ts";

/** What kbuild or the programs that it starts read from the environment alone, as others do. */
const ENVIRONMENT: readonly VariableSpec[] = [
  { name: "GOPROXY", summary: "Where Go fetches the pinned Go from; GOSUMDB as Go has it, too" },
  { name: "GOCACHE", summary: "Go's build cache", default: "in _output" },
  { name: "GOMODCACHE", summary: "Go's module cache from 1.26 on", default: "in _output" },
  { name: "HTTPS_PROXY", summary: "Proxy of what is fetched; NO_PROXY names exceptions" },
  { name: "DOCKER_CONFIG", summary: "Directory of config.json with log-ins at registries" },
  { name: "DOCKER_HOST", summary: "The Docker engine, for images load and docker: bases" },
  { name: "CONTAINERD_ADDRESS", summary: "containerd, for images load --into containerd" },
  { name: "KIND_CLUSTER_NAME", summary: "The cluster, for images load --into kind" },
  { name: "NO_COLOR", summary: "Not empty: no colours" },
  { name: "TERM", summary: "dumb: no colours, and no line that is redrawn" },
  { name: "KBUILD_BINARY", summary: "The program that the npm package starts" },
];

/** The variable that a flag stands for, as the page of variables explains it. */
function behind(flag: FlagSpec): VariableSpec {
  const [variable] = variablesOf({ name: "", group: "", summary: "", flags: [flag], examples: [] });
  return variable!;
}

const GROUPS: readonly (readonly [title: string, variables: readonly VariableSpec[]])[] = [
  ["What is built", [WHAT, PLATFORM].map(behind)],
  ["How it is built", [...COMPILE_VARIABLES, OUT_DIR_VARIABLE]],
  ["The version", VERSION_VARIABLES],
  ["The Go to build with", [behind(GO), ...GO_VARIABLES.filter((each) => each !== CACHE_VARIABLE)]],
  ["Releases and images", [
    ...RELEASE_VARIABLES.filter((each) => each !== BLOB_CACHE_VARIABLE),
    ...[BASES, COMPRESSION_LEVEL].map(behind),
  ]],
  ["Fetching", [
    ...[OFFLINE, MIRROR, CA_FILE].map(behind),
    CACHE_VARIABLE,
    BLOB_CACHE_VARIABLE,
  ]],
  ["kbuild itself", [behind(CONFIG), VERBOSE_VARIABLE]],
  ["From the environment alone", ENVIRONMENT],
];

/** `kbuild help variables`. */
const VARIABLES: HelpTopic = {
  name: VARIABLES_TOPIC,
  summary: "Explain the variables, as arguments and in the environment",
  description:
    "NAME=value among the arguments sets a variable, as with make; a flag beats it, and it " +
    "beats the environment. An empty variable of the environment counts as not set. " +
    '"kbuild help COMMAND" names those that a command reads.',
  sections: GROUPS.map(([title, variables]) => ({
    title,
    rows: variables.map(variableDefinition),
  })),
};

function entryRow({ targets, scripts, does, command, note }: EntryPoint) {
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
  summary: "Name what kbuild has for make targets and scripts",
  description: "These make targets are commands by the same name: all, cross, release, " +
    "release-skip-tests, quick-release, package, package-tarballs, clean, help, ginkgo, and those for " +
    "directories in cmd/. Others of all releases:",
  sections: [
    entrySection("A command of another name", ({ command }) => command !== undefined),
    entrySection(
      "Not yet: run them without kbuild",
      ({ command, without = "later" }) => command === undefined && without === "later",
    ),
    entrySection("Not needed with kbuild", ({ without }) => without === "needless"),
    entrySection("Not a part of kbuild", ({ without }) => without === "outside"),
  ],
};

/** Pages of help beside those of the commands. */
export const TOPICS: readonly HelpTopic[] = Object.freeze([VARIABLES, SCRIPTS]);
