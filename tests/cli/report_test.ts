import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { exitCodeOf, renderError } from "../../src/cli/mod.ts";
import { readFileSync } from "node:fs";

/** What `action` throws. */
function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

Deno.test("renderError() shows message, output as it is, and notes", () => {
  const error = new KbuildError('Cannot build "cmd/kubectl": go exited with status 1', {
    output: ["cmd/kubectl/kubectl.go:21:2: undefined: command", "\ttab  stays "],
    notes: ["Run kbuild doctor", "Two\nlines"],
    cause: new Error("underneath"),
  });
  assertEquals(
    renderError(error),
    [
      'kbuild: Cannot build "cmd/kubectl": go exited with status 1',
      "",
      "    cmd/kubectl/kubectl.go:21:2: undefined: command",
      "    \ttab  stays ",
      "",
      "  -> Run kbuild doctor",
      "  -> Two",
      "     lines",
      "",
    ].join("\n"),
  );
  assertEquals(
    renderError(new UsageError('Unknown command "relase"', ['Did you mean "release"?'])),
    'kbuild: Unknown command "relase"\n  -> Did you mean "release"?\n',
  );
  assertEquals(renderError(new KbuildError("A", { output: ["b"] })), "kbuild: A\n\n    b\n");
  assertEquals(renderError(new KbuildError("A\nB")), "kbuild: A\n    B\n");
});

Deno.test("renderError() shows stacks of all causes with debug alone", () => {
  const error = new KbuildError("Outer", { cause: new TypeError("inner", { cause: "a word" }) });
  assert(!renderError(error).includes("report_test.ts"));
  const text = renderError(error, { debug: true });
  assertMatch(text, /^kbuild: Outer\n\nKbuildError: Outer\n +at .*report_test\.ts/);
  assertMatch(text, /\nCaused by: TypeError: inner\n +at /);
  assertStringIncludes(text, "\nCaused by: a word\n");
  const loop = new Error("round");
  loop.cause = loop;
  assertEquals(renderError(loop, { debug: true }).match(/Error: round\n/g)?.length, 2);
});

Deno.test("renderError() colours the name and the arrows when asked", () => {
  assertEquals(
    renderError(new UsageError("A", ["b"]), { color: true }),
    "\x1b[31mkbuild:\x1b[0m A\n  \x1b[36m->\x1b[0m b\n",
  );
});

Deno.test("renderError() puts errors of the system into sentences", () => {
  const table: [() => unknown, string][] = [
    [
      () => Deno.readTextFileSync("/no such/a'b\nc"),
      'kbuild: Cannot read "/no such/a\'b\n    c": no such file or directory\n' +
      "  -> Check that the path exists and is spelled right\n",
    ],
    [
      () => Deno.renameSync("/no such/a", "/no such/b"),
      'kbuild: Cannot rename "/no such/a" to "/no such/b": no such file or directory\n' +
      "  -> Check that the path exists and is spelled right\n",
    ],
    [
      () => readFileSync("/no such/a"),
      'kbuild: Cannot open "/no such/a": no such file or directory\n' +
      "  -> Check that the path exists and is spelled right\n",
    ],
    [
      () => Deno.readTextFileSync("/"),
      'kbuild: Cannot read "/": is a directory\n',
    ],
    [
      () => {
        throw Object.assign(new Error("No space left on device (os error 28): writefile '/o'"), {
          code: "ENOSPC",
        });
      },
      'kbuild: Cannot write "/o": no space left on device\n' +
      '  -> Free some space on that disk; "kbuild clean" removes what was built before\n',
    ],
    [
      () => {
        throw Object.assign(
          new Deno.errors.PermissionDenied("Permission denied (os error 13): mkdir '/o'"),
          { code: "EACCES" },
        );
      },
      'kbuild: Cannot make the directory "/o": permission denied\n' +
      "  -> Check who owns the path and what its mode is: ls -ld\n",
    ],
    [
      () => {
        throw Object.assign(new Error("write went wrong"), { code: "ENOSPC" });
      },
      "kbuild: Cannot go on: write went wrong\n" +
      '  -> Free some space on that disk; "kbuild clean" removes what was built before\n',
    ],
  ];
  for (const [action, expected] of table) assertEquals(renderError(thrown(action)), expected);
});

Deno.test({
  name: "renderError() words a full disk as the system reports it" +
    (Deno.build.os === "linux" ? "" : " (skipped: needs /dev/full)"),
  ignore: Deno.build.os !== "linux",
  fn() {
    const error = thrown(() => Deno.writeTextFileSync("/dev/full", "x"));
    assertMatch(
      renderError(error),
      /^kbuild: Cannot write "\/dev\/full": no space left on device\n/,
    );
  },
});

Deno.test("renderError() takes an abort for an interruption", () => {
  const error = thrown(() => AbortSignal.abort().throwIfAborted());
  assertEquals([renderError(error), exitCodeOf(error)], ["kbuild: Interrupted\n", 130]);
});

Deno.test("renderError() calls what nobody foresaw a bug", () => {
  const error = new RangeError("Invalid array length");
  assertEquals(
    renderError(error),
    "kbuild: Unexpected RangeError: Invalid array length\n" +
      "  -> This looks like a bug in kbuild; --debug shows the stack\n",
  );
  assert(!renderError(error, { debug: true }).includes("--debug"));
});

Deno.test("renderError() shows the first of several errors in full", () => {
  const many = new AggregateError([
    new KbuildError("One", { notes: ["Do this"], output: ["x"], exitCode: 3 }),
    new KbuildError("Two"),
    "three",
  ]);
  assertEquals(
    renderError(many),
    "kbuild: One\n\n    x\n\n  -> Do this\n  -> Also: Two\n  -> Also: Unexpected error: three\n",
  );
  assertEquals(exitCodeOf(many), 3);
  assertStringIncludes(
    renderError(new AggregateError([])),
    "Unexpected AggregateError: no message",
  );
  const nested = new AggregateError([new AggregateError([new UsageError("Deep")])]);
  assertEquals([renderError(nested), exitCodeOf(nested)], ["kbuild: Deep\n", 2]);
});

Deno.test("renderError() and exitCodeOf() never throw, whatever is thrown", () => {
  const refuse = () => {
    throw new Error("No");
  };
  const hostile = new Proxy({}, {
    get: refuse,
    getPrototypeOf: refuse,
    ownKeys: refuse,
    has: refuse,
    getOwnPropertyDescriptor: refuse,
  });
  const getter = Object.defineProperty(new Error("x"), "message", { get: refuse });
  const broken = new KbuildError("x");
  Object.defineProperty(broken, "message", { get: refuse });
  Object.defineProperty(broken, "notes", { value: 5 });
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const loop = new AggregateError([]);
  loop.errors.push(loop);
  const values = [
    ...[undefined, null, "", "text", 0, 5n, true, Symbol("s"), NaN, () => 1, [], {}, circular],
    ...[
      hostile,
      getter,
      broken,
      loop,
      Object.create(null),
      new Error(""),
      new Error("", { cause: hostile }),
    ],
  ];
  for (const value of values) {
    for (const debug of [false, true]) {
      const text = renderError(value, { debug });
      assertMatch(text, /^kbuild: \S.*\n/);
    }
    assertEquals(exitCodeOf(value), 1);
  }
});

Deno.test("exitCodeOf() is never 0", () => {
  const table: [unknown, number][] = [
    [new KbuildError("x"), 1],
    [new UsageError("x"), 2],
    [new KbuildError("x", { exitCode: 97 }), 97],
    [new KbuildError("x", { exitCode: 0 }), 1],
    [new KbuildError("x", { exitCode: 256 }), 1],
    [new KbuildError("x", { exitCode: NaN }), 1],
    [new Error("x"), 1],
  ];
  for (const [error, code] of table) assertEquals(exitCodeOf(error), code);
});

Deno.test("renderError() sends nothing to the terminal but text", () => {
  const error = new KbuildError('Cannot read "\x1b[31m\0\x9b": no\tname', { notes: ["\x07"] });
  assertEquals(
    renderError(error),
    'kbuild: Cannot read "\\x1b[31m\\x00\\x9b": no\tname\n  -> \\x07\n',
  );
  const long = renderError(new KbuildError("x".repeat(100_000)));
  assert(long.length < 3000 && long.endsWith("…\n"));
});
