import { DRY_RUN_FLAG, type FlagSpec, type Input } from "../cli/mod.ts";
import { UsageError } from "../errors.ts";
import type { Command, OpenCheckout } from "./context.ts";
import { withDryRun } from "./dry_run.ts";
import { isInContainer } from "./build_place.ts";
import {
  BUILD_ENGINE,
  BUILD_IMAGE,
  CONFIG,
  CONTAINER,
  CONTAINER_VARIABLES,
  COPY_OUTPUT,
  ENGINE_VARIABLES,
  ETCD_VARIABLES,
  GO_FLAGS,
  GO_VARIABLES,
  makeInContainer,
  OUTPUT_SUBPATH_VARIABLE,
  STRICT_PARITY,
  SYNC,
  TEST_VARIABLES,
  WHAT,
} from "./flags.ts";
import type { AskedTests } from "./test_run.ts";

const TEST_FLAGS: readonly FlagSpec[] = [
  { ...WHAT, summary: "Packages to test", default: "all with tests", placeholder: "PACKAGE" },
  { name: "run", kind: "string", placeholder: "REGEX", summary: "Tests to run, as go test -run" },
  {
    name: "rerun-failed",
    kind: "boolean",
    summary: "Run what failed when it was last tested",
  },
  {
    name: "since",
    kind: "string",
    placeholder: "REF",
    summary: "Only packages that changes since a commit can reach",
  },
  {
    name: "shard",
    kind: "string",
    placeholder: "I/N",
    summary: "Only part I of N of the packages",
  },
  {
    name: "jobs",
    short: "j",
    kind: "number",
    placeholder: "N",
    minimum: 1,
    summary: "Packages to compile and test at once",
    default: "number of processors",
  },
  STRICT_PARITY,
  CONFIG,
  ...GO_FLAGS,
  DRY_RUN_FLAG,
];

/** Where tests run that need no etcd. */
const PLACE_FLAGS: readonly FlagSpec[] = [
  { ...CONTAINER, summary: "Compile and test in a container of the build image" },
  // KBUILD_ENGINE may name buildx, for builds.
  { ...BUILD_ENGINE, placeholder: "docker|podman", summary: "Engine of --container" },
  { ...BUILD_IMAGE, summary: "Image to test in" },
  SYNC,
];

/** `kbuild test`: port of `make test` (`hack/make-rules/test.sh`). */
export const test: Command = {
  name: "test",
  aliases: ["check"],
  group: "Test",
  summary: "Run the unit tests of WHAT or of all packages",
  description:
    "Starts the `go test` that the checkout's own hack/make-rules/test.sh would start, for the packages " +
    "that it would find. Packages are directories (pkg/kubelet), patterns (pkg/kubelet/...) or import " +
    "paths; arguments that start with a dash are passed to go. What failed is shown whole at the end, " +
    "with the command that repeats it. Reports need no gotestsum.",
  args: [{ name: "WHAT", summary: "Packages; all with tests if omitted", variadic: true }],
  flags: [...PLACE_FLAGS, ...TEST_FLAGS],
  variables: [
    ...TEST_VARIABLES,
    { name: "GOFLAGS", summary: "Extra flags for go" },
    { name: "KUBE_RACE", summary: "-race, or empty for none", default: "the checkout's" },
    OUTPUT_SUBPATH_VARIABLE,
    ...GO_VARIABLES,
    ...ENGINE_VARIABLES,
    ...CONTAINER_VARIABLES.filter(({ name }) => name !== COPY_OUTPUT),
  ],
  examples: [
    { command: "kbuild test pkg/kubelet/...", does: "Test kubelet's packages" },
    { command: "kbuild test WHAT=./pkg/api GOFLAGS=-v", does: "Test a package, as with make" },
    { command: "kbuild test --rerun-failed", does: "Test again what failed" },
    { command: "kbuild test --since origin/master", does: "Test what a change can break" },
    { command: "kbuild test --container pkg/util/...", does: "Test with the Go of kube-cross" },
  ],
  ...testing("test"),
};

/** `kbuild test-integration`: port of `make test-integration` (`hack/make-rules/test-integration.sh`). */
export const testIntegration: Command = {
  name: "test-integration",
  flagNotes: makeInContainer("test-integration"),
  group: "Test",
  summary: "Run integration tests, with an etcd of their own",
  description:
    "Starts etcd on a free port with a directory of its own, then the `go test` that the checkout's own " +
    "hack/make-rules/test-integration.sh would start, and stops etcd however that ends. etcd is the one in " +
    "PATH, or, if that is missing or too old for the checkout, the one in third_party/etcd, or else the release " +
    "that the checkout names, fetched into kbuild's cache.",
  args: [{ name: "WHAT", summary: "Packages; all with tests if omitted", variadic: true }],
  flags: TEST_FLAGS,
  variables: [
    ...TEST_VARIABLES,
    ...ETCD_VARIABLES,
    { name: "GOFLAGS", summary: "Extra flags for go" },
    { name: "KUBE_RACE", summary: "-race, or empty for none", default: "the checkout's" },
    OUTPUT_SUBPATH_VARIABLE,
    ...GO_VARIABLES,
  ],
  examples: [
    { command: "kbuild test-integration test/integration/auth", does: "Test one package" },
    {
      command:
        "kbuild test-integration WHAT=./test/integration/auth KUBE_TEST_ARGS='-run TestRBAC'",
      does: "Run some of its tests, as with make",
    },
  ],
  ...testing("test-integration"),
};

function testing(name: AskedTests["command"]): Required<Pick<Command, "plan" | "run">> {
  return withDryRun({
    async plan(command, input) {
      const { planTestSteps } = await import("./test_run.ts");
      const asked = askedTests(name, input);
      const plan = (open: OpenCheckout) => planTestSteps(command, open, asked);
      if (!isElsewhere(name, input)) return await plan(await command.open());
      const { planInContainer } = await import("./container_build.ts");
      return await planInContainer(command, input, plan);
    },
    async run(command, input) {
      const { runTestCommand } = await import("./test_run.ts");
      const asked = askedTests(name, input);
      const test = (open: OpenCheckout) => runTestCommand(command, open, asked);
      if (!isElsewhere(name, input)) return await test(await command.open());
      const { buildInContainer } = await import("./container_build.ts");
      await buildInContainer(command, input, test);
    },
  });
}

/** etcd is a program of this machine, which tests in a container would not reach. */
function isElsewhere(name: AskedTests["command"], input: Input): boolean {
  return name === "test" && isInContainer(input);
}

function askedTests(command: AskedTests["command"], input: Input): AskedTests {
  const shard = input.string("shard");
  const [, index, of] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(shard ?? "") ?? [];
  if (shard !== undefined && (index === undefined || Number(index) > Number(of))) {
    throw new UsageError(`Cannot use --shard "${shard}": a part of all is meant, such as 2/8`);
  }
  const rerun = input.boolean("rerun-failed") === true;
  if (rerun && (input.args.length > 0 || input.string("run") !== undefined)) {
    throw new UsageError("Cannot use --rerun-failed with packages or --run: what failed is known");
  }
  return {
    command,
    words: input.args,
    run: input.string("run"),
    jobs: input.number("jobs"),
    since: input.string("since"),
    shard: index === undefined ? undefined : { index: Number(index), of: Number(of) },
    rerun,
  };
}
