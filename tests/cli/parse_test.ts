import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import { type Input, parseInput, variablesOf } from "../../src/cli/mod.ts";
import { ALL, CLEAN, IMAGES, RELEASE, RUN } from "./_commands.ts";

const OPTIONS = { otherVariables: variablesOf(RELEASE) };

function parse(argv: readonly string[]): Input {
  return parseInput(argv, ALL, OPTIONS);
}

Deno.test("parseInput() reads every form of a flag", () => {
  const table: [string[], (input: Input) => unknown, unknown][] = [
    [["--format", "yaml"], (i) => i.string("format"), "yaml"],
    [["--format=yaml"], (i) => i.string("format"), "yaml"],
    [["-f", "yaml"], (i) => i.string("format"), "yaml"],
    [["-fyaml"], (i) => i.string("format"), "yaml"],
    [["-f=yaml"], (i) => i.string("format"), "yaml"],
    [[], (i) => i.string("format"), undefined],
    [["--go-version", "1.30"], (i) => i.string("go-version"), "1.30"],
    [["--go-version=1.30"], (i) => i.string("go-version"), "1.30"],
    [["--go-version", "0x10"], (i) => i.string("go-version"), "0x10"],
    [["--go-version", "true"], (i) => i.string("go-version"), "true"],
    [["--go-version=a=b"], (i) => i.string("go-version"), "a=b"],
    [["--go-version", "-"], (i) => i.string("go-version"), "-"],
    [["--go-version", "$(x) ü\n'\""], (i) => i.string("go-version"), "$(x) ü\n'\""],
    [["--go-version=$(x) ü\n'\""], (i) => i.string("go-version"), "$(x) ü\n'\""],
    [["--gogcflags", "-N -l"], (i) => i.string("gogcflags"), "-N -l"],
    [["--gogcflags=-N"], (i) => i.string("gogcflags"), "-N"],
    [["--jobs", "4"], (i) => i.number("jobs"), 4],
    [["-j4"], (i) => i.number("jobs"), 4],
    [["--jobs", "-1"], (i) => i.number("jobs"), -1],
    [["--jobs=0.5"], (i) => i.number("jobs"), 0.5],
    [[], (i) => i.number("jobs"), undefined],
    [["--race"], (i) => i.boolean("race"), true],
    [["--race", "--race"], (i) => i.boolean("race"), true],
    [[], (i) => i.boolean("race"), undefined],
    [["-rj2"], (i) => [i.boolean("race"), i.number("jobs")], [true, 2]],
    [["--dry-run"], (i) => i.boolean("dry-run"), true],
    [["--platform", "linux/amd64,linux/arm64"], (i) => i.list("platform"), [
      "linux/amd64",
      "linux/arm64",
    ]],
    [["-p", "a/b  c/d", "--platform=e/f"], (i) => i.list("platform"), ["a/b", "c/d", "e/f"]],
    [["--platform", ",linux/amd64 , ,a/b,"], (i) => i.list("platform"), ["linux/amd64", "a/b"]],
    [[], (i) => i.list("platform"), undefined],
    [["--json", "--root", "a b"], (i) => [i.boolean("json"), i.string("root")], [true, "a b"]],
  ];
  for (const [argv, read, expected] of table) {
    assertEquals(read(parse(argv)), expected, JSON.stringify(argv));
  }
});

Deno.test("parseInput() leaves the values of a whole list as they are", () => {
  const base = { name: "base", kind: "list", whole: true, summary: "Base" } as const;
  const bases = (...argv: string[]) =>
    parseInput(argv, { ...ALL, flags: [base] }, OPTIONS).list("base");
  assertEquals(bases("--base", "a=/b c,d\n$(x)", "--base=e"), ["a=/b c,d\n$(x)", "e"]);
  assertEquals(bases(), undefined);
});

Deno.test("parseInput() refuses an empty list, which does not mean all", () => {
  const base = { name: "base", kind: "list", whole: true, summary: "Base" } as const;
  const command = { ...ALL, flags: [...ALL.flags, base] };
  for (const flag of ["--platform", "--what", "--base"]) {
    for (const value of ["", " ", ...flag === "--base" ? [] : [" , ", ","]]) {
      for (const argv of [[flag, value], [`${flag}=${value}`], [flag, "x/y", flag, value]]) {
        const error = assertThrows(() => parseInput(argv, command, OPTIONS), UsageError);
        assertEquals(error.message, `Flag "${flag}" needs a value, but is given "${value}"`);
        assertEquals(error.notes.some((note) => note.endsWith("or leave it out")), true);
      }
    }
  }
  const { variables } = parseInput(["WHAT=", "KUBE_BUILD_PLATFORMS="], ALL, OPTIONS);
  assertEquals(variables, { WHAT: "", KUBE_BUILD_PLATFORMS: "" });
});

Deno.test("parseInput() takes -v with a number, without one, and counted", () => {
  const table: [string[], number | undefined, string[]][] = [
    [[], undefined, []],
    [["-v"], 2, []],
    [["--verbose"], 2, []],
    [["-vv"], 3, []],
    [["-v", "-v", "-v"], 4, []],
    [["-v", "5"], 5, []],
    [["-v5"], 5, []],
    [["-v=5"], 5, []],
    [["--verbose", "0"], 0, []],
    [["--verbose=0"], 0, []],
    [["-v", "kubelet"], 2, ["kubelet"]],
    [["-v", "1.30"], 2, ["1.30"]],
    [["-vr"], 2, []],
    [["-rv"], 2, []],
    [["-rv", "3"], 3, []],
  ];
  for (const [argv, level, args] of table) {
    const input = parse(argv);
    assertEquals([input.number("verbose"), input.args], [level, args], JSON.stringify(argv));
  }
});

Deno.test("parseInput() keeps positional arguments as they are", () => {
  const table: [string[], string[]][] = [
    [["a", "1.30", "0x1", "", "-"], ["a", "1.30", "0x1", "", "-"]],
    [["--race", "true", "--json", "false"], ["true", "false"]],
    [["a", "--race", "b"], ["a", "b"]],
    [["--", "--race", "WHAT=x", "--", "-v"], ["--race", "WHAT=x", "--", "-v"]],
    [["a=b", "kube=1", "=x", "1A=x"], ["a=b", "kube=1", "=x", "1A=x"]],
  ];
  for (const [argv, args] of table) assertEquals(parse(argv).args, args, JSON.stringify(argv));
  assertEquals(parse(["--", "--race"]).boolean("race"), undefined);
});

Deno.test("parseInput() takes NAME=value anywhere", () => {
  const input = parse(["WHAT=cmd/kubelet", "a", "GOGCFLAGS=-N -l", "--race", "GOFLAGS=-v=1", "X="]);
  assertEquals(input.variables, {
    WHAT: "cmd/kubelet",
    GOGCFLAGS: "-N -l",
    GOFLAGS: "-v=1",
    X: "",
  });
  assertEquals([input.args, input.boolean("race")], [["a"], true]);
  assertEquals(parse(["WHAT=a", "WHAT=b c"]).variables, { WHAT: "b c" });
  assertEquals(parse(["WHAT=a\nb $(x)"]).variables, { WHAT: "a\nb $(x)" });
});

Deno.test("parseInput() leaves what follows a program to the program", () => {
  const input = parseInput(
    ["--image", "x", "KUBE_VERBOSE=3", "make", "-h", "--image", "KUBE_X=1", "--", "--nope"],
    RUN,
  );
  assertEquals(input.args, ["make", "-h", "--image", "KUBE_X=1", "--", "--nope"]);
  assertEquals([input.string("image"), input.variables], ["x", { KUBE_VERBOSE: "3" }]);
});

Deno.test("parseInput() refuses what cannot be meant", () => {
  const table: [string[], string, string[]][] = [
    [["--platfrom", "x"], 'Unknown flag "--platfrom" of "kbuild all"', [
      'Did you mean "--platform"?',
      '"kbuild help all" lists the flags',
    ]],
    [["--zzzzz=1"], 'Unknown flag "--zzzzz" of "kbuild all"', [
      '"kbuild help all" lists the flags',
    ]],
    [["-what=x"], 'Unknown flag "-what" of "kbuild all"', [
      'Did you mean "--what"?',
      '"kbuild help all" lists the flags',
    ]],
    [["-x"], 'Unknown flag "-x" of "kbuild all"', ['"kbuild help all" lists the flags']],
    [["---race"], 'Unknown flag "---race" of "kbuild all"', [
      'Did you mean "--race"?',
      '"kbuild help all" lists the flags',
    ]],
    [["--no-race"], 'Unknown flag "--no-race" of "kbuild all"', [
      '"kbuild help all" lists the flags',
    ]],
    [["--__proto__=1"], 'Unknown flag "--__proto__" of "kbuild all"', [
      '"kbuild help all" lists the flags',
    ]],
    [["--what"], 'Flag "--what" needs a value', ["Write --what TARGETS"]],
    [["-j"], 'Flag "--jobs" needs a value', ["Write --jobs N"]],
    [["--root="], 'Flag "--root" needs a value', ["Write --root DIR"]],
    [["--go-version", ""], 'Flag "--go-version" needs a value', ["Write --go-version GO"]],
    [["--what", "--"], 'Flag "--what" needs a value', ["Write --what TARGETS"]],
    [["--gogcflags", "-trimpath"], 'Flag "--gogcflags" needs a value', [
      "Write --gogcflags FLAGS",
      'Write "--gogcflags=-trimpath" if "-trimpath" is the value',
    ]],
    [["--format", "ymal"], 'Value "ymal" of "--format" is not "text" or "yaml"', [
      'Did you mean "yaml"?',
    ]],
    [["--format="], 'Flag "--format" needs a value', ["Write --format text|yaml"]],
    [["--jobs", "many"], 'Value "many" of "--jobs" is not a number', []],
    [["--jobs="], 'Value "" of "--jobs" is not a number', []],
    [["--jobs", "1e3"], 'Value "1e3" of "--jobs" is not a number', []],
    [["--verbose=high"], 'Value "high" of "--verbose" is not a number', []],
    [["--format=text", "-f", "yaml"], 'Flag "--format" is given more than once: "text", "yaml"', [
      "Keep one of them",
    ]],
    [["-v", "-v5"], 'Flag "--verbose" is given more than once: "5", "2"', ["Keep one of them"]],
    [["--race=true"], 'Flag "--race" takes no value, but is given "true"', [
      "Write --race alone, or leave it out",
    ]],
    [["--race="], 'Flag "--race" takes no value, but is given ""', [
      "Write --race alone, or leave it out",
    ]],
    [["--version"], 'Unknown flag "--version" of "kbuild all"', [
      '"kbuild help all" lists the flags',
    ]],
  ];
  for (const [argv, message, notes] of table) {
    const error = assertThrows(() => parse(argv), UsageError);
    assertEquals([error.message, error.notes, error.exitCode], [message, notes, 2]);
  }
});

Deno.test("parseInput() names hidden flags to nobody but takes them", () => {
  assertEquals(parse(["--secret"]).boolean("secret"), true);
  assertEquals(assertThrows(() => parse(["--secrte"]), UsageError).notes, [
    '"kbuild help all" lists the flags',
  ]);
});

Deno.test("parseInput() refuses variables that nobody reads but somebody may have meant", () => {
  const listed = '"kbuild help variables" lists the variables; set others in the environment';
  const table: [string, string, string[]][] = [
    ["KUBE_BUILD_PLATFORM=linux/amd64", "KUBE_BUILD_PLATFORM", [
      'Did you mean "KUBE_BUILD_PLATFORMS"?',
      listed,
    ]],
    ["KUBE_QQQQQQQQQQQQQQQQQ=1", "KUBE_QQQQQQQQQQQQQQQQQ", [listed]],
    ["WAHT=cmd/kubelet", "WAHT", ['Did you mean "WHAT"?', listed]],
    ["GOFLAG=-v", "GOFLAG", ['Did you mean "GOFLAGS"?', listed]],
    ["KBUILD_QQQQQQQ=1", "KBUILD_QQQQQQQ", [listed]],
    ["KUBE_RELEASE_RUN_TEST=n", "KUBE_RELEASE_RUN_TEST", [
      'Did you mean "KUBE_RELEASE_RUN_TESTS"?',
      listed,
    ]],
  ];
  for (const [word, name, notes] of table) {
    const error = assertThrows(() => parse([word]), UsageError);
    assertEquals([error.message, error.notes], [`Unknown variable "${name}"`, notes]);
  }
  for (const word of ["TAG=x", "CC=gcc", "CGO_ENABLED=0", "GOPROXY=off", "V=1", "HOME=/x"]) {
    assertEquals(parse([word]).variables, Object.fromEntries([word.split("=")]));
  }
});

Deno.test("parseInput() checks the values of variables", () => {
  const good = [
    "DBG=1",
    "DBG=",
    "KUBE_BUILD_PLATFORMS=linux/amd64 darwin/arm64",
    "KUBE_BUILD_PLATFORMS=linux/s390x,linux/386",
    "KUBE_FASTBUILD=true",
    "KUBE_FASTBUILD=",
    "KUBE_PARALLEL_BUILD_MEMORY=20",
    "KUBE_RELEASE_RUN_TESTS=Y",
    "KUBE_VERBOSE=5",
  ];
  for (const word of good) assertEquals(Object.keys(parse([word]).variables).length, 1);
  const table: [string, string][] = [
    ["DBG=yes", 'Value "yes" of DBG is not "0" or "1"'],
    ["KUBE_BUILD_PLATFORMS=linux/amd64 linux-arm64", 'Value "linux-arm64" of KUBE_BUILD_PLATFORMS'],
    ["KUBE_FASTBUILD=True", 'Value "True" of KUBE_FASTBUILD is not "true" or "false"'],
    ["KUBE_PARALLEL_BUILD_MEMORY=20G", 'Value "20G" of KUBE_PARALLEL_BUILD_MEMORY is not a number'],
    ["KUBE_RELEASE_RUN_TESTS=yes", 'Value "yes" of KUBE_RELEASE_RUN_TESTS is not "y" or "n"'],
    ["KUBE_VERBOSE=much", 'Value "much" of KUBE_VERBOSE is not a number'],
  ];
  for (const [word, message] of table) {
    assertStringIncludes(assertThrows(() => parse([word]), UsageError).message, message);
  }
});

Deno.test("parseInput() reads an action, and refuses flags and arguments of another", () => {
  const read = (...argv: string[]) => {
    const { action, args } = parseInput(argv, IMAGES);
    return [action, ...args];
  };
  assertEquals(read(), ["list"]);
  assertEquals(read("--only", "linux/arm64"), ["list"]);
  assertEquals(read("push", "a", "b", "--registry", "x"), ["push", "a", "b"]);
  assertEquals(parseInput([], CLEAN).action, undefined);
  const table: [string[], string, string][] = [
    [["psuh"], 'Unknown action "psuh" of "kbuild images"', 'Did you mean "push"?'],
    [["zzz"], 'Unknown action "zzz" of "kbuild images"', "Its actions: list, push"],
    [
      ["zzz"],
      'Unknown action "zzz" of "kbuild images"',
      "follows an action: kbuild images push zzz",
    ],
    [
      ["list", "--registry", "x"],
      'Unknown flag "--registry" of "kbuild images list"',
      'It belongs to "kbuild images push"',
    ],
    [["--registry=x"], 'Unknown flag "--registry" of "kbuild images list"', "It belongs to"],
    [
      ["list", "a"],
      'Unexpected argument "a" of "kbuild images list"',
      '"kbuild images list" takes flags and NAME=value alone',
    ],
    [["push", "--registry", "a b"], 'Cannot use "a b" for "--registry": it has a blank', ""],
    [["push", "KUBE_REGISTRY=a b"], 'Cannot use "a b" for KUBE_REGISTRY: it has a blank', ""],
  ];
  for (const [argv, message, note] of table) {
    const error = assertThrows(() => parseInput(argv, IMAGES), UsageError);
    assertEquals(error.message, message);
    assertStringIncludes(error.notes.join("\n"), note);
  }
});

Deno.test("parseInput() counts arguments", () => {
  const none = assertThrows(() => parseInput([], RUN), UsageError);
  assertEquals(none.message, 'Command "kbuild run" needs an argument: PROGRAM');
  const many = assertThrows(() => parseInput(["x"], CLEAN), UsageError);
  assertEquals(many.message, 'Unexpected argument "x" of "kbuild clean"');
  assertEquals(many.notes[0], '"kbuild clean" takes flags and NAME=value alone');
  assertEquals(parseInput([], CLEAN).args, []);
});

Deno.test("Input throws when a flag is read that the command does not have", () => {
  assertThrows(() => parse([]).boolean("nope"), TypeError, "has no boolean flag so named");
  assertThrows(() => parse([]).string("race"), TypeError);
});

Deno.test("Input is frozen", () => {
  const input = parse(["a", "WHAT=b"]);
  assertEquals([input, input.args, input.variables].every(Object.isFrozen), true);
});
