import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandHelp, helpJson, overview, shortHelp, topicHelp } from "../../src/cli/mod.ts";
import { checkCommands } from "./_check_commands.ts";
import { ALL, CLEAN, COMMANDS, IMAGES, RUN, TOPIC } from "./_commands.ts";

function assertFits(text: string): void {
  for (const line of text.split("\n")) assert(line.length <= 80, `${line.length}: ${line}`);
  assertEquals(text.match(/[ \t]$/m), null);
  assert(text.endsWith("\n") && !text.endsWith("\n\n"));
}

const LIST = `The summary.

Usage: kbuild COMMAND [FLAGS] [NAME=value ...]

Building
  all             Build binaries
  run             Run a command in the container
  clean           Remove what was built

Releasing
  quick-release   Build a release without tests
  images          List images or push them

Help
  help            Show the commands, or one of them
  help variables  Explain the variables
`;
const OPTIONS = { summary: "The summary.", topics: [TOPIC] };

Deno.test("overview() lists commands by group, in one column, and the common flags", () => {
  assertEquals(
    overview(COMMANDS, OPTIONS),
    `${LIST}
Flags of every command
  --root DIR             Checkout to work on (default: the one around the
                         current directory)
  --json                 Print the result, or the error, as one JSON value
  -v, --verbose [LEVEL]  Verbosity: 0 least, 5 most; -v is 2, -vv is 3 (default:
                         1) [KUBE_VERBOSE]
  --progress MODE        How progress is shown (auto, tty, plain, json, quiet)
                         (default: auto: tty on a terminal, else plain)
                         [KBUILD_PROGRESS]
  --color WHEN           Colours in what goes to stderr (auto, always, never)
                         (default: auto: on a terminal, unless NO_COLOR or
                         TERM=dumb is set)
  --events FILE          Write the events of the run to a file, a JSON object a
                         line
  --timings[=FILE]       Write a page about where the time went
  --debug                Show the stack and the causes of an error
  -h, --help             Show this help
  --version              Print the version of kbuild

"kbuild help COMMAND" explains a command. NAME=value sets a variable, as with
make; a flag beats a variable, a variable beats the environment.
`,
  );
});

Deno.test("shortHelp() lists the same without flags", () => {
  assertEquals(
    shortHelp(COMMANDS, OPTIONS),
    `${LIST}
"kbuild help COMMAND" explains a command, "kbuild help" lists the common flags.
`,
  );
});

Deno.test("commandHelp() shows usage, flags with their variables, and examples", () => {
  const text = commandHelp(ALL);
  assert(
    text.startsWith(`kbuild all: Build binaries

Usage: kbuild all [FLAGS] [NAME=value ...] [TARGET ...]

Builds what WHAT names, for one platform or several; without WHAT everything
that the checkout lists.

  kept   as it is

Arguments
  TARGET  What to build

Flags
  --what TARGETS          Targets [WHAT]
  -p, --platform OS/ARCH  Platforms to build for, with a summary that is long
                          enough to need a second line [KUBE_BUILD_PLATFORMS]
  --gogcflags FLAGS       Flags for compile [GOGCFLAGS]
  -f, --format text|yaml  How
  -j, --jobs N            How many at once (default: by memory)
`),
    text,
  );
  assertStringIncludes(
    text,
    `
Variables ("kbuild help variables" explains them)
  WHAT GOFLAGS DBG KUBE_BUILD_PLATFORMS KUBE_FASTBUILD
  KUBE_PARALLEL_BUILD_MEMORY
`,
  );
  assert(text.endsWith(`
Examples
  # Build everything
  kbuild all
  # Build for a debugger
  kbuild all WHAT=cmd/kubelet GOGCFLAGS="-N -l"
`));
  assert(!text.includes("--secret"));
  assertStringIncludes(commandHelp(RUN), "Usage: kbuild run [FLAGS] [NAME=value ...] PROGRAM [ARG");
});

Deno.test("commandHelp() says which action takes a flag", () => {
  const text = commandHelp(IMAGES);
  assertStringIncludes(text, "Usage: kbuild images [list|push] [FLAGS] [NAME=value ...] [IMAGE");
  assertStringIncludes(
    text,
    `
Arguments
  list   Show them (default)
  push   Send them
  IMAGE  Which ones

Flags
  --only OS/ARCH  Only these
  --registry REG  push: Where to [KUBE_REGISTRY]
`,
  );
});

Deno.test("topicHelp() lists sections of terms", () => {
  assertEquals(
    topicHelp(TOPIC),
    `kbuild help variables: Explain the variables

They are as with make.

Building
  WHAT  Targets
`,
  );
});

Deno.test("topicHelp() gives a long term a line of its own", () => {
  const name = "KUBE_INTEGRATION_TEST_MAX_CONCURRENCY";
  const sections = [{ title: "Tests", rows: [[name, "How many"]] as const }];
  const text = topicHelp({ ...TOPIC, sections });
  assertStringIncludes(text, `  ${name}\n    How many\n`);
});

Deno.test("help fits 80 columns", () => {
  const many = Array.from({ length: 60 }, (_, i) => ({ ...CLEAN, name: `a-command-${i}` }));
  for (const list of [many, COMMANDS]) {
    assertFits(overview(list, OPTIONS));
    assertFits(shortHelp(list, OPTIONS));
  }
  for (const command of COMMANDS) assertFits(commandHelp(command));
});

Deno.test("helpJson() is the data of the commands", () => {
  const data = JSON.parse(helpJson({ commands: COMMANDS, topics: [TOPIC], version: "1.2.3" }));
  assertEquals(data.version, "1.2.3");
  assertEquals(data.commands.map(({ name }: { name: string }) => name), [
    "all",
    "run",
    "quick-release",
    "images",
    "clean",
  ]);
  assertEquals(data.topics, [TOPIC]);
  const [all] = data.commands;
  assertEquals(all.flags[0], ALL.flags[0]);
  assertEquals(all.flags.some(({ name }: { name: string }) => name === "secret"), false);
  assertEquals(all.variables, ALL.variables);
  assertEquals([all.aliases, all.passthrough, "run" in all], [[], false, false]);
});

Deno.test("checkCommands() finds slips in the data", () => {
  assertEquals(checkCommands(COMMANDS), []);
  const flag = { name: "root", kind: "string", placeholder: "X", summary: "x" } as const;
  const { placeholder: _placeholder, ...nameless } = flag;
  const action = { name: "list", summary: "x", flags: [] };
  const table: [Partial<typeof CLEAN>, string][] = [
    [{ name: "Clean" }, "is not in lower case"],
    [{ summary: "removes." }, "needs a summary with"],
    [{ summary: "R".repeat(61) }, "has a summary of 61 letters"],
    [{ examples: [] }, "has no example"],
    [{ examples: [{ command: "make", does: "x" }] }, 'without "kbuild": "make"'],
    [{ flags: [flag] }, 'has a second flag "--root"'],
    [{ flags: [{ ...flag, name: "x y" }] }, 'malformed flag "--x y"'],
    [{ flags: [{ ...flag, name: "rest", short: "v" }] }, 'has a second flag "-v"'],
    [{ flags: [{ ...flag, name: "rest", short: "1" }] }, 'malformed flag "-1"'],
    [{ flags: [{ ...nameless, name: "rest" }] }, 'does not name the value of "--rest"'],
    [{ flags: [{ ...flag, name: "rest", summary: "X (default: y)" }] }, 'the words of "--rest"'],
    [{ actions: [action], flags: [{ ...flag, name: "rest" }] }, 'no action that takes "--rest"'],
    [{ actions: [{ ...action, flags: ["rest"] }] }, 'with an unknown flag "--rest"'],
    [{ variables: [{ name: "WHAT", summary: "X, default y" }] }, 'the words of "WHAT"'],
    [{ variables: [{ name: "what", summary: "x" }] }, 'malformed variable "what"'],
    [{ args: [{ name: "A", summary: "", variadic: true }, { name: "B", summary: "" }] }, "after"],
    [
      { args: [{ name: "A", summary: "" }, { name: "B", summary: "", required: true }] },
      "left out",
    ],
  ];
  for (const [change, words] of table) {
    const [found = "", ...more] = checkCommands([{ ...CLEAN, ...change }]);
    assertStringIncludes(found, words);
    assertEquals(more, []);
  }
  assertEquals(checkCommands([CLEAN, { ...ALL, aliases: ["clean", "help"] }]), [
    'Command "clean" exists twice',
    'Command "help" exists twice',
  ]);
});

Deno.test("help is wrapped at the width of a narrow terminal", () => {
  const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));
  const wide = commandHelp(IMAGES);
  assertEquals(commandHelp(IMAGES, 80), wide);
  assert(widest(wide) > 60);
  for (const command of [IMAGES, RUN, CLEAN]) {
    const [flags = ""] = /^Flags of every[^]*?\n\n/m.exec(commandHelp(command, 60)) ?? [];
    assert(flags !== "" && widest(flags) <= 60, flags);
  }
  assert(widest(topicHelp(TOPIC, 60)) <= 60);
});
