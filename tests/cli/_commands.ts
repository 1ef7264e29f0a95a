/** Commands for the tests of `src/cli`, and a run that keeps what is written. */
import {
  type CliOptions,
  type Command,
  DRY_RUN_FLAG,
  type HelpTopic,
  type Input,
  runCli,
} from "../../src/cli/mod.ts";

/** What the test commands work on: a log of what ran. */
export interface Ran {
  readonly command: string;
  readonly input: Input;
}

/** The context of the test commands. */
export interface TestContext {
  readonly root: string;
  readonly verbosity: number;
  readonly ran: Ran[];
}

function command(
  name: string,
  rest: Partial<Omit<Command<TestContext>, "name">> = {},
): Command<TestContext> {
  return {
    name,
    group: "Building",
    summary: `Run ${name}`,
    flags: [],
    examples: [{ command: `kbuild ${name}`, does: `Run ${name}` }],
    run(context, input) {
      context.ran.push({ command: name, input });
      return Promise.resolve();
    },
    ...rest,
  };
}

/** `all`, with flags of every kind. */
export const ALL: Command<TestContext> = command("all", {
  summary: "Build binaries",
  description:
    "Builds what WHAT names, for one platform or several; without WHAT everything that " +
    "the checkout lists.\n\n  kept   as it is",
  args: [{ name: "TARGET", summary: "What to build", variadic: true }],
  flags: [
    { name: "what", kind: "list", placeholder: "TARGETS", variable: "WHAT", summary: "Targets" },
    {
      name: "platform",
      short: "p",
      kind: "list",
      placeholder: "OS/ARCH",
      variable: "KUBE_BUILD_PLATFORMS",
      summary: "Platforms to build for, with a summary that is long enough to need a second line",
    },
    {
      name: "gogcflags",
      kind: "string",
      placeholder: "FLAGS",
      variable: "GOGCFLAGS",
      summary: "Flags for compile",
    },
    { name: "format", short: "f", kind: "string", choices: ["text", "yaml"], summary: "How" },
    {
      name: "jobs",
      short: "j",
      kind: "number",
      placeholder: "N",
      summary: "How many at once",
      default: "by memory",
    },
    { name: "go-version", kind: "string", placeholder: "GO", summary: "Which Go" },
    { name: "race", short: "r", kind: "boolean", summary: "Look for races" },
    { name: "secret", kind: "boolean", hidden: true, summary: "Nobody needs to know" },
    DRY_RUN_FLAG,
  ],
  variables: [
    { name: "WHAT", summary: "Targets" },
    { name: "GOFLAGS", summary: "Flags for go" },
    { name: "DBG", summary: "1 keeps symbols", choices: ["0", "1"] },
    { name: "KUBE_BUILD_PLATFORMS", kind: "platforms", summary: "Platforms" },
    { name: "KUBE_FASTBUILD", kind: "boolean-true", summary: "One platform only" },
    { name: "KUBE_PARALLEL_BUILD_MEMORY", kind: "number", summary: "GiB" },
  ],
  examples: [
    { command: "kbuild all", does: "Build everything" },
    { command: 'kbuild all WHAT=cmd/kubelet GOGCFLAGS="-N -l"', does: "Build for a debugger" },
  ],
});

/** Hands its arguments on. */
export const RUN: Command<TestContext> = command("run", {
  summary: "Run a command in the container",
  args: [
    { name: "PROGRAM", summary: "What to run", required: true },
    { name: "ARGUMENT", summary: "Its arguments", variadic: true },
  ],
  passthrough: true,
  flags: [{ name: "image", kind: "string", placeholder: "IMAGE", summary: "Container image" }],
});

/** Reads another variable than `all`. */
export const RELEASE: Command<TestContext> = command("quick-release", {
  aliases: ["release-skip-tests"],
  group: "Releasing",
  summary: "Build a release without tests",
  variables: [{ name: "KUBE_RELEASE_RUN_TESTS", kind: "boolean-y", summary: "Run the tests" }],
});

/** Takes no arguments at all. */
export const CLEAN: Command<TestContext> = command("clean", { summary: "Remove what was built" });

/** Does different things, by its first argument. */
export const IMAGES: Command<TestContext> = command("images", {
  group: "Releasing",
  summary: "List images or push them",
  actions: [
    { name: "list", summary: "Show them", flags: ["only"], most: 0 },
    { name: "push", summary: "Send them", flags: ["only", "registry"] },
  ],
  args: [{ name: "IMAGE", summary: "Which ones", variadic: true }],
  flags: [
    { name: "only", kind: "list", placeholder: "OS/ARCH", summary: "Only these" },
    {
      name: "registry",
      kind: "string",
      placeholder: "REG",
      variable: "KUBE_REGISTRY",
      summary: "Where to",
      check: (value) => value.includes(" ") ? { reason: "it has a blank" } : undefined,
    },
  ],
});

/** All of them. */
export const COMMANDS: readonly Command<TestContext>[] = [ALL, RUN, RELEASE, IMAGES, CLEAN];

/** A page of help beside those of the commands. */
export const TOPIC: HelpTopic = {
  name: "variables",
  summary: "Explain the variables",
  description: "They are as with make.",
  sections: [{ title: "Building", rows: [["WHAT", "Targets"]] }],
};

/** What a run left. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ran: readonly Ran[];
  /** How often a context was made. */
  readonly contexts: number;
}

/** Runs the program over the test commands. */
export async function run(
  argv: readonly string[],
  options: Partial<CliOptions<TestContext>> = {},
): Promise<Outcome> {
  let [stdout, stderr, contexts] = ["", "", 0];
  const ran: Ran[] = [];
  const code = await runCli<TestContext>({
    commands: COMMANDS,
    topics: [TOPIC],
    argv,
    env: {},
    version: "1.2.3",
    stdout: { write: (text) => void (stdout += text) },
    stderr: { write: (text) => void (stderr += text) },
    makeContext({ root = ".", verbosity }) {
      contexts++;
      return Promise.resolve({ root, verbosity, ran });
    },
    ...options,
  });
  return { code, stdout, stderr, ran, contexts };
}
