import { assertEquals, assertRejects } from "@std/assert";
import { confirm } from "../../src/commands/confirm.ts";
import { KbuildError } from "../../src/errors.ts";

const never = new AbortController().signal;

/** A terminal that somebody types an answer into; `written` is what is shown on it. */
function terminal(answer: string | undefined) {
  const written: string[] = [];
  const globals = {
    json: false,
    stdin: { terminal: true, readLine: () => Promise.resolve(answer) },
    stderr: { terminal: true, write: (text: string) => void written.push(text) },
  };
  return { written, globals };
}

Deno.test("confirm() goes on after yes alone", async () => {
  for (const answer of ["y", "Y", "yes", " Yes\r"]) {
    const { globals, written } = terminal(answer);
    await confirm(globals, "Remove them?", { yes: false, signal: never });
    assertEquals(written, ["Remove them? [y/N] "]);
  }
  for (const answer of ["", "n", "yesterday", undefined]) {
    await assertRejects(
      () => confirm(terminal(answer).globals, "Remove them?", { yes: false, signal: never }),
      KbuildError,
      "Nothing was removed",
    );
  }
});

Deno.test("confirm() asks nobody who did not want to be asked, or is not there", async () => {
  const { globals, written } = terminal("n");
  await confirm(globals, "Remove them?", { yes: true, signal: never });
  await confirm({ ...globals, json: true }, "Remove them?", { yes: false, signal: never });
  const others = [
    { ...globals, stdin: { terminal: false, readLine: globals.stdin.readLine } },
    { ...globals, stdin: { terminal: true } },
    { ...globals, stderr: { ...globals.stderr, terminal: false } },
  ];
  for (const other of others) await confirm(other, "Remove them?", { yes: false, signal: never });
  assertEquals(written, []);
});

Deno.test("confirm() ends with Ctrl-C", async () => {
  const { globals } = terminal("y");
  const stop = new AbortController();
  const readLine = () => new Promise<undefined>(() => {});
  const asked = confirm({ ...globals, stdin: { terminal: true, readLine } }, "Remove them?", {
    yes: false,
    signal: stop.signal,
  });
  stop.abort(new Error("interrupted"));
  await assertRejects(() => asked, Error, "interrupted");
});
