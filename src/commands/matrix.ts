import { parseInput, rootOf } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { Command } from "./context.ts";
import { GATHER, SHARD, SHARED_FLAGS, STORE } from "./flags.ts";
import { MATRIX_SYSTEMS } from "./matrix_systems.ts";
import type { PlanSources } from "./plan.ts";

/** Flags that not all systems have a use for. */
const OF_SYSTEMS: readonly (readonly [flag: string, systems: readonly string[]])[] = [
  ["image", ["job", "gitlab", "prow"]],
  ["repository", ["job", "prow"]],
  ["ref", ["job", "prow"]],
];

/** `kbuild matrix SYSTEM COMMAND`: the file that has a system run shards. */
export function matrixCommand({ find, variables }: PlanSources): Command {
  return {
    name: "matrix",
    group: "Release",
    summary: "Print the file that runs shards in a CI or a cluster",
    description:
      "The systems are github (Actions), gitlab (CI), job (a Kubernetes Indexed Job) and prow. The file starts " +
      "the shards side by side. The gathering starts when all have succeeded; of job and prow it starts with them, " +
      "and is tried until the store has everything. The machines need the log-ins of the store. Flags of this command precede SYSTEM.",
    args: [
      { name: "SYSTEM", summary: MATRIX_SYSTEMS.join(", "), required: true },
      { name: "COMMAND", summary: "A command that builds; release if omitted" },
      { name: "ARGUMENT", summary: "Arguments of the command", variadic: true },
    ],
    passthrough: "command line",
    flags: [
      {
        name: "shards",
        kind: "number",
        placeholder: "N",
        minimum: 1,
        summary: "How many machines",
        default: "8",
      },
      STORE,
      {
        name: "image",
        kind: "string",
        placeholder: "IMAGE",
        summary: "Image with kbuild, git, Go and C compilers; of job, gitlab and prow",
      },
      {
        name: "repository",
        kind: "string",
        placeholder: "URL",
        summary: "Repository that a job clones; of prow, ORG/REPO",
      },
      {
        name: "ref",
        kind: "string",
        placeholder: "TAG",
        summary: "Tag or branch that a job clones, or that prow builds",
      },
    ],
    examples: [
      {
        command: "kbuild matrix --shards 4 --store oci://ghcr.io/me/kbuild github quick-release " +
          ">.github/workflows/release.yml",
        does: "Write a workflow of four shards",
      },
      {
        command:
          "kbuild matrix --store oci://registry.example/kbuild --image me/kbuild job | kubectl apply -f -",
        does: "Run a release of eight shards in a cluster",
      },
    ],
    unplanned: { reason: "it only prints", notes: [] },
    async run(command, input) {
      const [system = "", ...given] = input.args;
      // What is printed is the file, not the release.
      const isJson = command.globals.json || given.includes("--json");
      const words = given.filter((word) => word !== "--json");
      const [first = "release", ...rest] = words[0]?.startsWith("-") === true
        ? ["release", ...words]
        : words;
      const { matrixFile } = await import("./matrix_run.ts");
      const name = MATRIX_SYSTEMS.find((each) => each === system);
      if (name === undefined) {
        throw new UsageError(`Cannot write a file for "${system}"`, [
          `The systems: ${MATRIX_SYSTEMS.join(", ")}`,
        ]);
      }
      const useless = OF_SYSTEMS.find(([flag, systems]) =>
        input.isGiven(flag) && !systems.includes(name)
      );
      if (useless !== undefined) {
        throw new UsageError(`Flag "--${useless[0]}" has no effect for ${name}`, [
          `It works for ${useless[1].join(", ")}`,
        ]);
      }
      const planned = await find(first, rootOf(rest) ?? command.globals.root ?? command.cwd);
      if (!SHARED_FLAGS.every(({ name }) => planned.flags.some((flag) => flag.name === name))) {
        throw new UsageError(`Cannot run "kbuild ${first}" in shards: it builds nothing`);
      }
      const own = parseInput(rest, planned, { otherVariables: variables() });
      const early = [STORE, SHARD, GATHER].find((flag) =>
        own.isGiven(flag.name) || own.variables[flag.variable] !== undefined
      );
      if (early !== undefined) {
        throw new UsageError(`Cannot take --${early.name} of "kbuild ${first}" for a matrix`, [
          early === STORE
            ? `The store precedes the system: kbuild matrix --store STORE ${name} ${first}`
            : "The file itself gives each machine its part",
        ]);
      }
      const store = command.env[STORE.variable];
      if (!store) {
        throw new UsageError("Cannot write a matrix without --store: the machines meet there", [
          `kbuild matrix --store oci://registry/repository ${system} ${first}`,
        ]);
      }
      const text = matrixFile(name, {
        ...{ store, words: [first, ...rest], shards: input.number("shards") ?? 8 },
        image: input.string("image"),
        repository: input.string("repository"),
        ref: input.string("ref"),
      });
      if (isJson) command.printJson({ system, text });
      else command.print(text.trimEnd());
    },
  };
}
