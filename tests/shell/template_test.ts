import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { CommandError, createShell, InterruptedError } from "../../src/shell/mod.ts";

const env = { PATH: Deno.env.get("PATH") ?? "" };
const cwd = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "kbuild-template-" }));
globalThis.addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));
const shell = createShell({ cwd, env });
const { $ } = shell;

/** Writes an executable script into the directory of the tests. */
async function script(name: string, body: string): Promise<string> {
  await Deno.writeTextFile(`${cwd}/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return `${cwd}/${name}`;
}

Deno.test("$ hands over values as they are, lists as several words", async () => {
  const words = ["a b", "$(x)", "ü", "it's", "new\nline", "*", "", "~", "`id`", "{a,b}", 'a"b\\'];
  const text = await $`printf %s\\0 ${words} pre${"fix"} ${[]} ${7} a${["x", "y"]}z`.text();
  assertEquals(text.split("\0"), [...words, "prefix", "7", "ax", "yz", ""]);
});

Deno.test("$ returns status, output, last lines and time; text(), lines() and json() read it", async () => {
  const result = await $`sh -c 'echo out; echo err >&2'`;
  assertEquals([result.code, result.stdout], [0, "out\n"]);
  assertEquals([...result.tail].sort(), ["err", "out"]);
  assert(result.durationMs > 0);
  assertEquals(await $`printf 'a\n\nb\n'`.lines(), ["a", "", "b"]);
  assertEquals(await $`true`.lines(), []);
  assertEquals(await $`printf ${'{"a":[1]}'}`.json(), { a: [1] });
  assertEquals(await $`printf 'a\n\n'`.text(), "a\n");
});

Deno.test("$ runs a command line once, when it is asked for the result", async () => {
  const line = $`sh -c 'echo x >> once; cat once'`;
  assertEquals(
    (await Array.fromAsync(Deno.readDir(cwd))).some(({ name }) => name === "once"),
    false,
  );
  assertEquals([await line.text(), await line.text(), (await line).stdout], ["x", "x", "x\n"]);
});

Deno.test("$ reads pipes, redirects, quotes, variables and lists of commands", async () => {
  const at = createShell({ cwd, env: { ...env, PROGRAM: "/bin/sh", ONE: "1" } }).$;
  await script("x.y", 'echo x.y "$@"');
  assertEquals(await at`echo one two | sed s/two/three/ | tr a-z A-Z`.text(), "ONE THREE");
  assertEquals(
    await at`A=./b ./x.y ./c "$PROGRAM" | cat; echo ./d # ./e`.text(),
    "x.y ./c /bin/sh\n./d",
  );
  assertEquals(
    await at`A=2 sh -c 'echo $ONE $A' && $PROGRAM -c 'echo $0' || false`.text(),
    "1 2\n/bin/sh",
  );
  const path = `${cwd}/a file`;
  assertEquals(await at`./x.y to > ${path} && ./x.y 2>&1 && cat < ${path}`.text(), "x.y\nx.y to");
  assertEquals(await at`sh -c 'echo a; echo b >&2' 2> ${path}`.text(), "a");
  assertEquals(
    await at`! ./no.such.program && echo "it's" 'a "b"' a\\ b`.text(),
    'it\'s a "b" a b',
  );
  assertEquals(await at`cd / && pwd && export A=b && printenv A; : ignored`.text(), "/\nb");
  assertEquals(
    await at`echo first
    echo second`.text(),
    "first\nsecond",
  );
});

Deno.test("$ starts the machine's programs, never those that dax has itself", async () => {
  const bin = `${cwd}/own`;
  await Deno.mkdir(bin);
  const names = ["cat", "cp", "echo", "false", "mkdir", "mv", "printenv", "pwd", "rm", "sleep"];
  for (const name of [...names, "test", "touch", "true", "unlisted", "which"]) {
    await script(`own/${name}`, `printf '%s ' "machine's ${name}" "$@"`);
    const at = createShell({ cwd, env: { PATH: bin } }).$;
    const wanted = `machine's ${name} a `;
    assertEquals(await at`${name} a`.text(), wanted);
    assertEquals(await at`${[name, "a"]}`.text(), wanted);
  }
  const at = createShell({ cwd, env: { PATH: bin } }).$;
  assertEquals(
    await at`cat a && "cp" b; 'rm' c | test d`.text(),
    "machine's cat a machine's cp b machine's test d ",
  );
  const error = await assertRejects(() =>
    createShell({ cwd, env: { PATH: "/none" } }).$`cat a`.text()
  );
  assert(error instanceof CommandError);
  assertEquals(error.message, 'Cannot start "cat": it is not in PATH');
});

Deno.test("$ gives programs the environment and directory that it was given", async () => {
  const lines = await $`env`.with({ env: { ...env, TWO: "2" }, cwd: "/" }).lines();
  assertEquals([...lines].sort(), [`PATH=${env.PATH}`, "TWO=2"]);
  assertEquals(await $`pwd`.with({ cwd: "/" }).text(), "/");
  assertEquals(await $`cat`.with({ stdin: "text" }).text(), "text");
  assertEquals(await $`cat`.text(), "");
});

Deno.test("$ never counts a death by a signal as success", async () => {
  const dies = await script("dies now", "kill -KILL $$");
  const killed = [
    $`sh -c 'kill -KILL $$'`,
    $`${["sh", "-c", "kill -KILL $$"]}`,
    $`"sh" -c 'kill -KILL $$'`,
    $`/bin/sh -c ${"kill -KILL $$"}`,
    $`${dies}`,
    $`${"./dies now"}`,
    $`true && ./dies\\ now`,
    $`FOO=bar sh -c ${"kill -KILL $$"}`,
    $`$SHELL -c ${"kill -KILL $$"}`.with({ env: { ...env, SHELL: "sh" } }),
    $`sh -c 'kill -9 $$' | cat`,
    $`echo a | sh -c 'kill -9 $$' | cat | cat`,
    $`echo a | ${dies}`,
    $`${dies} > out.txt`,
  ];
  for (const [index, line] of killed.entries()) {
    for (const allowed of [[0], [137], "any"] as const) {
      const error = await assertRejects(() => line.with({ allowed }), CommandError, "", `${index}`);
      assertEquals([error.signal, error.code], ["SIGKILL", undefined]);
    }
  }
  const error = await assertRejects(() => $`sh -c 'kill -TERM $$' | cat`, CommandError);
  assertEquals(error.message, '"sh" was ended by SIGTERM');
});

Deno.test("$ names the command that failed, its directory, status and last lines", async () => {
  const line = $`cd / && sh -c 'echo last words >&2; exit 3' | cat`;
  const error = await assertRejects(() => line, CommandError);
  assertEquals(error.message, '"sh" exited with status 3');
  assertEquals(error.notes, ["Command: sh -c 'echo last words >&2; exit 3'", "Directory: /"]);
  assertEquals([error.code, error.output, error.cwd], [3, ["last words"], "/"]);
  assertEquals(error.argv, ["sh", "-c", "echo last words >&2; exit 3"]);
  const labelled = await assertRejects(() => $`false`.with({ label: "The step" }), CommandError);
  assertEquals(labelled.message, 'Cannot finish "The step": false exited with status 1');
  assertEquals((await $`sh -c 'exit 7' | cat`.with({ allowed: [7] })).code, 7);
  assertEquals(await $`false || sh -c 'exit 3' || echo fine`.text(), "fine");
  const none = await assertRejects(() => $`true | no-such-program-here`, CommandError);
  assertEquals(none.message, 'Cannot start "no-such-program-here": it is not in PATH');
  const redirect = await assertRejects(() => $`echo a > ${"/no/such/dir/file"}`, CommandError);
  assertStringIncludes(redirect.output.join("\n"), "/no/such/dir/file");
});

Deno.test("$ stops at the first line that fails", async () => {
  let shown = "";
  const onStdout = (chunk: Uint8Array) => void (shown += new TextDecoder().decode(chunk));
  const lines = $`echo one
    sh -c 'exit 4' | cat
    echo two`.with({ onStdout });
  assertEquals([(await assertRejects(() => lines, CommandError)).code, shown], [4, "one\n"]);
});

Deno.test("$ shows streamed output once", async () => {
  let shown = "";
  const decoder = new TextDecoder();
  const write = (chunk: Uint8Array) => void (shown += decoder.decode(chunk));
  const at = createShell({ cwd, env, write }).$;
  const line = at`sh -c 'echo broken; exit 1'`.with({ output: "stream" });
  const error = await assertRejects(() => line, CommandError);
  assertEquals([shown, error.output, error.tail], ["broken\n", [], ["broken"]]);
});

Deno.test("$ refuses what it does not read, and values that are none", () => {
  const refused: (() => unknown)[] = [
    () => $`echo $(id)`,
    () => $`echo "$(id)"`,
    () => $`echo \`id\``,
    () => $`echo "\`id\`"`,
    () => $`(cd /; pwd)`,
    () => $`echo "${"a"}"`,
    () => $`echo 'a${"b"}c'`,
    () => $`echo "a`,
    () => $`echo ${undefined as unknown as string}`,
    () => $`echo ${{} as unknown as string}`,
    () => $`echo ${[["a"]] as unknown as string}`,
  ];
  for (const line of refused) assertThrows(line, TypeError, "a command line");
});

Deno.test("$ says which command line dax cannot read", async () => {
  await assertRejects(async () => await $`echo a &`, Error, 'Cannot run "echo');
  await assertRejects(async () => await $`| cat`, Error, 'Cannot run "| cat"');
});

Deno.test("$ stops a program whose reader has ended, and keeps a slow reader's writer waiting", async () => {
  assertEquals(await $`yes | head -n 1`.text(), "y");
  assertEquals(await $`yes | cat | head -n 1 | cat`.text(), "y");
  assertEquals(await $`head -c 5000000 /dev/zero | cat | wc -c`.text().then(Number), 5_000_000);
  const slow = `for i in 1 2 3; do sleep 0.1; head -c 2000000 > /dev/null; done; cat | wc -c`;
  const size = await $`head -c 9000000 /dev/zero | sh -c ${slow}`.text();
  assert(Number(size) > 0);
});

Deno.test("$ tells onStart of every program, and starts nothing after an abort", async () => {
  const starts: string[] = [];
  const onStart = ({ argv }: { argv: readonly string[] }) => void starts.push(argv.join(" "));
  await createShell({ cwd, env, onStart }).$`true && echo a | cat`;
  assertEquals([starts[0], ...starts.slice(1).sort()], ["true", "cat", "echo a"]);
  const aborted = createShell({ cwd, env, onStart, signal: AbortSignal.abort() })
    .$`touch x; touch y`;
  await assertRejects(async () => await aborted, InterruptedError);
  const own = $`touch x`.with({ signal: AbortSignal.abort() });
  await assertRejects(async () => await own, InterruptedError);
  assertEquals(starts.length, 3);
});

Deno.test({
  name: "$ ends the groups of all programs when aborted, or when a consumer fails",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const forks = `sleep 300 & echo $$ $!; wait`;
    for (const way of ["abort", "throw"] as const) {
      const controller = new AbortController();
      let pids: number[] = [];
      const line = $`sh -c ${forks} | sh -c ${`echo $$; cat; ${forks}`}`.with({
        signal: controller.signal,
        onStdout(chunk) {
          pids.push(...new TextDecoder().decode(chunk).trim().split(/\s+/).map(Number));
          if (pids.length < 3) return;
          if (way === "throw") throw new RangeError("enough");
          controller.abort();
        },
      });
      await assertRejects(async () => await line, way === "abort" ? InterruptedError : RangeError);
      assertEquals(pids.length, 3);
      const alive = (pid: number) => {
        try {
          return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
        } catch {
          return false;
        }
      };
      for (let i = 0; i < 100 && pids.some(alive); i++) await new Promise((r) => setTimeout(r, 20));
      assertEquals(pids.filter(alive), []);
      pids = [];
    }
  },
});
