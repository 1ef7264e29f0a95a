import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { ALL, CLEAN, COMMANDS, run, type TestContext } from "./_commands.ts";
import type { CliOptions, Globals } from "../../src/cli/mod.ts";

function failing(error: unknown): Partial<CliOptions<TestContext>> {
  return { commands: [{ ...CLEAN, run: () => Promise.reject(error) }] };
}

Deno.test("runCli() runs the command with its context and input", async () => {
  const { code, ran, stdout, stderr, contexts } = await run([
    "--root",
    "/a b",
    "all",
    "x",
    "WHAT=cmd/kubelet",
    "--race",
  ]);
  assertEquals([code, stdout, stderr, contexts, ran.length], [0, "", "", 1, 1]);
  const [only] = ran;
  assertEquals(only?.command, "all");
  assertEquals(only?.input.args, ["x"]);
  assertEquals(only?.input.variables, { WHAT: "cmd/kubelet" });
  assertEquals(only?.input.boolean("race"), true);
});

Deno.test("runCli() finds the command behind flags and variables", async () => {
  const table: [string[], string, string[]][] = [
    [["WHAT=x", "all"], "all", []],
    [["-v", "all", "all"], "all", ["all"]],
    [["-v5", "--json", "--root=x", "all"], "all", []],
    [["--root", "clean", "all"], "all", []],
    [["all", "--root", "clean"], "all", []],
    [["release-skip-tests"], "quick-release", []],
    [["--", "all", "--race"], "all", ["--race"]],
    [["run", "ls", "-l", "--help"], "run", ["ls", "-l", "--help"]],
    [["run", "--", "--version"], "run", ["--version"]],
  ];
  for (const [argv, command, args] of table) {
    const { code, ran, stderr } = await run(argv);
    assertEquals([code, stderr, ran[0]?.command, ran[0]?.input.args], [0, "", command, args]);
  }
});

Deno.test("runCli() hands what every command shares to makeContext", async () => {
  async function globals(argv: string[], env: Record<string, string> = {}): Promise<Globals> {
    let seen: Globals | undefined;
    const { stderr } = await run([...argv, "clean"], {
      env,
      makeContext(globals, command, input) {
        seen = globals;
        assertEquals([command.name, input.args], ["clean", []]);
        return { root: "", verbosity: 0, ran: [] };
      },
    });
    assert(seen !== undefined, stderr);
    return seen;
  }
  const { root, json, debug, verbosity, color, env } = await globals([], { A: "b" });
  assertEquals([root, json, debug, verbosity, color], [undefined, false, false, 1, false]);
  assertEquals(env, { A: "b" });
  const all = await globals(["--root", "x", "--json", "--debug", "-v"], { KUBE_VERBOSE: "5" });
  assertEquals([all.root, all.json, all.debug, all.verbosity], ["x", true, true, 2]);
  assertEquals((await globals(["KUBE_VERBOSE=4"], { KUBE_VERBOSE: "5" })).verbosity, 4);
  assertEquals((await globals(["KUBE_VERBOSE="], { KUBE_VERBOSE: "5" })).verbosity, 1);
  assertEquals((await globals([], { KUBE_VERBOSE: "5" })).verbosity, 5);
  assertEquals((await globals([], { KUBE_VERBOSE: "" })).verbosity, 1);
  assertEquals((await run(["clean"], { env: { KUBE_VERBOSE: "x" } })).code, 2);
  assertEquals((await globals(["-vvvvvvv"])).verbosity, 5);
  // The scripts take any number.
  assertEquals((await globals([], { KUBE_VERBOSE: "9" })).verbosity, 9);
  const { code, stderr } = await run(["clean", "-v", "9"]);
  assertEquals([code, stderr.split("\n")[0]], [
    2,
    'kbuild: Value "9" of "--verbose" is not a whole number from 0 to 5',
  ]);
});

Deno.test("runCli() prints help without making a context", async () => {
  const table: [string[], string][] = [
    [[], '"kbuild help COMMAND" explains a command, "kbuild help" lists'],
    [["-v"], '"kbuild help COMMAND" explains a command, "kbuild help" lists'],
    [["help"], "Flags of every command"],
    [["--help"], "Flags of every command"],
    [["-h"], "Flags of every command"],
    [["WHAT=x", "--help"], "Flags of every command"],
    [["help", "all"], "kbuild all: Build binaries"],
    [["help", "release-skip-tests"], "kbuild quick-release:"],
    [["help", "help"], "kbuild help:"],
    [["help", "-h"], "Flags of every command"],
    [["all", "--help"], "kbuild all: Build binaries"],
    [["-h", "all"], "kbuild all: Build binaries"],
    [["all", "--nope", "-rh", "KUBE_NOPE=1"], "kbuild all: Build binaries"],
    [["run", "-h", "ls"], "kbuild run:"],
    [["help", "--json"], '"commands": ['],
    [["--json"], '"commands": ['],
    [["help", "all", "--json"], '"name": "all"'],
    [["--version"], "kbuild 1.2.3\n"],
    [["--version", "all"], "kbuild 1.2.3\n"],
  ];
  for (const [argv, words] of table) {
    const { code, stdout, stderr, contexts, ran } = await run(argv);
    assertEquals([code, stderr, contexts, ran.length], [0, "", 0, 0], argv.join(" "));
    assertStringIncludes(stdout, words);
  }
});

Deno.test("runCli() reports wrong usage on stderr with exit code 2", async () => {
  const table: [string[], string][] = [
    [["al"], 'kbuild: Unknown command "al"\n  -> Did you mean "all"?\n  -> "kbuild help" lists'],
    [["helpp"], 'Did you mean "help"?'],
    [[""], 'Unknown command ""'],
    [["help", "nope"], 'Unknown command "nope"'],
    [["help", "all", "run"], 'Unexpected argument "run" of "kbuild help"'],
    [["help", "--race"], 'Unknown flag "--race" of "kbuild help"'],
    [["--race", "all"], 'Unknown flag "--race" before "all"\n  -> Flags of a command follow'],
    [["--jsn"], 'Unknown flag "--jsn"\n  -> Did you mean "--json"?'],
    [["all", "--rce"], 'Did you mean "--race"?'],
    [["all", "--version"], 'Unknown flag "--version"'],
    [["--root"], 'Flag "--root" needs a value'],
    [["KUBE_FASTBUILT=true", "clean"], 'Did you mean "KUBE_FASTBUILD"?'],
    [["KUBE_FASTBUILD=yes", "clean"], 'Value "yes" of KUBE_FASTBUILD'],
    [["WHAT=x"], "No command is named"],
  ];
  for (const [argv, words] of table) {
    const { code, stdout, stderr, contexts } = await run(argv);
    assertEquals([code, stdout, contexts], [2, "", 0], argv.join(" "));
    assertStringIncludes(stderr, words);
  }
});

Deno.test("runCli() takes variables alone for the default command", async () => {
  const { code, ran } = await run(["WHAT=x", "-v"], { defaultCommand: "all" });
  assertEquals([code, ran[0]?.command, ran[0]?.input.variables], [0, "all", { WHAT: "x" }]);
  assertStringIncludes((await run([], { defaultCommand: "all" })).stdout, "Usage");
});

Deno.test("runCli() asks the fallback for other names", async () => {
  const asked: string[] = [];
  const options: Partial<CliOptions<TestContext>> = {
    fallback(name) {
      asked.push(name);
      return Promise.resolve(name === "kubectl" ? { ...ALL, name } : undefined);
    },
  };
  assertEquals((await run(["kubectl", "--race"], options)).ran[0]?.command, "all");
  assertStringIncludes((await run(["help", "kubectl"], options)).stdout, "kbuild kubectl:");
  assertStringIncludes((await run(["kubectl", "-h"], options)).stdout, "kbuild kubectl:");
  assertEquals((await run(["nope"], options)).code, 2);
  await run(["all"], options);
  assertEquals(asked, ["kubectl", "kubectl", "kubectl", "nope"]);
});

Deno.test("runCli() reports what a command throws", async () => {
  const failed = await run(["clean"], failing(new KbuildError("Cannot clean", { exitCode: 7 })));
  assertEquals([failed.code, failed.stdout, failed.stderr], [7, "", "kbuild: Cannot clean\n"]);
  const bug = await run(["clean"], failing(new TypeError("x is not a function")));
  assertEquals(bug.code, 1);
  assert(!bug.stderr.includes("run_test.ts"));
  const debug = await run(["clean", "--debug"], failing(new TypeError("x")));
  assertStringIncludes(debug.stderr, "run_test.ts");
  const context = await run(["clean"], {
    makeContext: () => Promise.reject(new KbuildError("No checkout")),
  });
  assertEquals([context.code, context.stderr], [1, "kbuild: No checkout\n"]);
});

Deno.test("runCli() shows the stack of a usage error with --debug", async () => {
  assertStringIncludes((await run(["--debug", "nope"])).stderr, "    at ");
  assert(!(await run(["nope", "--", "--debug"])).stderr.includes("    at "));
});

Deno.test("runCli() reports an abort by its reason", async () => {
  const error = new KbuildError("go was ended by SIGTERM");
  const plain = new AbortController();
  plain.abort();
  const first = await run(["clean"], { ...failing(error), signal: plain.signal });
  assertEquals([first.code, first.stderr], [130, "kbuild: Interrupted\n"]);
  const worded = new AbortController();
  worded.abort(new KbuildError("Ended by SIGTERM", { exitCode: 143 }));
  const second = await run(["clean"], { ...failing(error), signal: worded.signal });
  assertEquals([second.code, second.stderr], [143, "kbuild: Ended by SIGTERM\n"]);
  assertEquals((await run(["clean"], { signal: plain.signal })).code, 0);
});

Deno.test("runCli() colours for terminals unless --color or NO_COLOR says otherwise", async () => {
  const words = ["nope"];
  for (
    const [env, terminal, colored, argv] of [
      [{}, true, true, words],
      [{}, false, false, words],
      [{ NO_COLOR: "1" }, true, false, words],
      [{ NO_COLOR: "" }, true, true, words],
      [{ TERM: "dumb" }, true, false, words],
      [{ TERM: "xterm" }, true, true, words],
      [{}, true, false, ["--color=never", ...words]],
      [{}, true, true, ["--color", "auto", ...words]],
      [{ NO_COLOR: "1" }, false, true, ["--color", "always", ...words]],
      [{}, false, true, ["clean", "--color=always", "--nope"]],
      // Not kbuild's own words.
      [{}, false, false, [...words, "--", "--color=always"]],
      [{}, true, true, ["--color=sometimes", ...words]],
    ] as const
  ) {
    let text = "";
    const stderr = { terminal, write: (more: string) => void (text += more) };
    await run([...argv], { env, stderr });
    assertEquals(text.includes("\x1b["), colored, `${argv}`);
  }
});

Deno.test("runCli() prints the error as JSON where --json is asked for and no result came", async () => {
  const table: [thrown: unknown, code: string, exitCode: number, notes: readonly string[]][] = [
    [new KbuildError("Cannot do it", { notes: ["Do that"] }), "failed", 1, ["Do that"]],
    [new UsageError("Cannot be meant"), "usage", 2, []],
    [new KbuildError("Stopped by SIGTERM", { exitCode: 143 }), "interrupted", 143, []],
    [new TypeError("not a function"), "internal", 1, []],
  ];
  for (const [thrown, code, exitCode, notes] of table) {
    const { stdout, stderr } = await run(["clean", "--json"], failing(thrown));
    const { error } = JSON.parse(stdout);
    assertEquals([error.code, error.exitCode, error.notes], [code, exitCode, notes]);
    assertStringIncludes(stderr, error.message);
  }
  const late: CliOptions<TestContext>["commands"] = [{
    ...CLEAN,
    run: () => Promise.reject(new KbuildError("Differs")),
  }];
  const { stdout } = await run(["clean", "--json"], {
    commands: late,
    makeContext: (globals) => {
      globals.stdout.write('{"equal": false}\n');
      return { root: ".", verbosity: 1, ran: [] };
    },
  });
  assertEquals(stdout, '{"equal": false}\n');
  assertEquals((await run(["frobnicate", "--", "--json"])).stdout, "");
  assertEquals(JSON.parse((await run(["--version", "--json"])).stdout), { version: "1.2.3" });
  assertEquals(JSON.parse((await run(["all", "--help", "--json"])).stdout).commands[0].name, "all");
});

Deno.test("runCli() keeps the order of commands in help", async () => {
  const { stdout } = await run([]);
  const names = COMMANDS.map(({ name }) => stdout.indexOf(name));
  assert(names.every((at) => at > 0));
});

Deno.test("runCli() refuses bad values of the environment that nothing overrides", async () => {
  const table: [argv: string[], env: Record<string, string>, code: number, words: string][] = [
    [["all"], { KUBE_FASTBUILD: "yes" }, 2, 'Value "yes" of KUBE_FASTBUILD is not "true"'],
    [["all"], { DBG: "2" }, 2, "DBG is set in the environment"],
    [["all", "DBG=1"], { DBG: "2" }, 0, ""],
    [["all"], { DBG: "" }, 0, ""],
    // Who does not read it is not bothered.
    [["clean"], { DBG: "2" }, 0, ""],
    [["images", "push"], { KUBE_REGISTRY: "a b" }, 2, "KUBE_REGISTRY is set in the environment"],
    [["images", "push", "--registry", "x"], { KUBE_REGISTRY: "a b" }, 0, ""],
  ];
  for (const [argv, env, code, words] of table) {
    const ended = await run(argv, { env });
    assertEquals([argv, ended.code], [argv, code]);
    assertStringIncludes(ended.stderr, words);
  }
});

Deno.test("runCli() hands on what looks misspelt in the environment", async () => {
  let warnings: readonly string[] = [];
  await run(["clean"], {
    env: { KUBE_FASTBUILDS: "true", KUBE_EDITOR: "vi" },
    makeContext(globals) {
      warnings = globals.warnings;
      return { root: ".", verbosity: 1, ran: [] };
    },
  });
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", 'did you mean "KUBE_FASTBUILD"?');
});

Deno.test("runCli() finds --root for a name that only the checkout knows", async () => {
  const table: [argv: string[], root: string | undefined][] = [
    [["kubectl"], undefined],
    [["--root", "/x", "kubectl"], "/x"],
    [["kubectl", "--root=/x"], "/x"],
    [["help", "kubectl", "--root", "/x"], "/x"],
    [["kubectl", "--root="], undefined],
  ];
  for (const [argv, wanted] of table) {
    let seen: unknown = "not asked";
    await run(argv, {
      fallback(_name, root) {
        seen = root;
        return { ...CLEAN, name: "kubectl" };
      },
    });
    assertEquals([argv, seen], [argv, wanted]);
  }
  const { code, stderr } = await run(["kubectl", "--root="], {
    fallback: () => ({ ...CLEAN, name: "kubectl" }),
  });
  assertEquals([code, stderr.split("\n")[0]], [2, 'kbuild: Flag "--root" needs a value']);
});
