import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runGroup } from "../../src/shell/group.ts";
import { CommandError, createShell, InterruptedError } from "../../src/shell/mod.ts";
import { unless, which } from "../e2e/_program.ts";

const env = { PATH: Deno.env.get("PATH") ?? "" };
const cwd = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "kbuild-shell-" }));
globalThis.addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));

/** Prints its pid and that of a child that would outlive it, then waits. */
const WITH_CHILD = `sleep 300 & echo $$ $!; wait`;

function alive(pid: number): boolean {
  try {
    // A zombie is dead: only its parent has not looked yet.
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

async function waitUntilGone(pids: readonly number[]): Promise<readonly number[]> {
  for (let i = 0; i < 100 && pids.some(alive); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return pids.filter(alive);
}

Deno.test("runGroup() ends the program and throws when what it reads fails", async () => {
  const broken = async function* () {
    yield new TextEncoder().encode("some");
    await Promise.resolve();
    throw new Error("the source is broken");
  };
  const took: Uint8Array[] = [];
  const group = () =>
    runGroup({
      ...{ argv: ["sh", "-c", "cat; sleep 300"], cwd, env, graceMs: 1000, stdin: broken() },
      onStdout: (chunk) => void took.push(chunk),
      onStderr: () => {},
    });
  await assertRejects(group, Error, "the source is broken");
});

Deno.test("run() waits for a program that is open for writing, for a while", async () => {
  const program = join(cwd, "just written");
  await Deno.copyFile("/bin/sh", program);
  const writer = await Deno.open(program, { write: true });
  const running = createShell({ cwd, env }).run([program, "-c", "echo ran"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  writer.close();
  assertEquals((await running).stdout, "ran\n");
});

Deno.test("run() returns what the program printed", async () => {
  const shell = createShell({ cwd, env });
  const result = await shell.run(["sh", "-c", "echo out; echo err >&2; pwd"]);
  assertEquals(result.stdout, `out\n${cwd}\n`);
  assertEquals(result.code, 0);
  assertEquals([...result.tail].sort(), [cwd, "err", "out"].sort());
});

Deno.test("run() hands over arguments as they are", async () => {
  const shell = createShell({ cwd, env });
  const words = ["a b", "$(x)", "ü", "it's", "new\nline", "*", ""];
  const result = await shell.run(["printf", "%s\\0", ...words]);
  assertEquals(result.stdout.split("\0"), [...words, ""]);
});

Deno.test("run() gives the program no variables but those it was given", async () => {
  const shell = createShell({ cwd, env: { ...env, ONE: "1" } });
  const { stdout } = await shell.run(["env"], { env: { PATH: env.PATH, TWO: "2" } });
  assertEquals(stdout.trim().split("\n").sort(), [`PATH=${env.PATH}`, "TWO=2"]);
});

Deno.test("run() reports command, directory, status and last lines of a failure", async () => {
  const shell = createShell({ cwd, env });
  const error = await assertRejects(
    () => shell.run(["sh", "-c", "seq 1 30; exit 3"], { label: "Counting" }),
    CommandError,
  );
  assertEquals(error.message, 'Cannot finish "Counting": sh exited with status 3');
  assertEquals(error.code, 3);
  assertEquals(error.output, Array.from({ length: 20 }, (_, i) => String(i + 11)));
  assertEquals(error.notes, ["Command: sh -c 'seq 1 30; exit 3'", `Directory: ${cwd}`]);
});

Deno.test("run() does not repeat output that was streamed", async () => {
  let shown = "";
  const decoder = new TextDecoder();
  const shell = createShell({ cwd, env, write: (chunk) => void (shown += decoder.decode(chunk)) });
  const error = await assertRejects(
    () => shell.run(["sh", "-c", "echo broken; exit 1"], { output: "stream" }),
    CommandError,
  );
  assertEquals(shown, "broken\n");
  assertEquals(error.output, []);
  assertEquals(error.tail, ["broken"]);
});

Deno.test("run() takes the exit codes that it was given", async () => {
  const shell = createShell({ cwd, env });
  const { code } = await shell.run(["sh", "-c", "exit 7"], { allowed: [0, 7] });
  assertEquals(code, 7);
});

Deno.test("run() says which of program, directory and interpreter does not exist", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const script = `${dir}/kbuild-script`;
    await Deno.writeTextFile(script, "#!/no/such/interpreter\n", { mode: 0o755 });
    const shell = createShell({ cwd, env });
    const runs = "what runs it (the interpreter of a script, the loader of a program)";
    const cases: readonly (readonly [program: string, where: string, why: string])[] = [
      ["no-such-program", dir, "it is not in PATH"],
      ["/no/such/program", dir, "it does not exist"],
      ["./kbuild-script", dir, `${runs} does not exist`],
      ["kbuild-script", dir, `${runs} does not exist`],
      ["sh", `${dir}/none`, `the directory "${dir}/none" does not exist`],
      ["/no/such/program", `${dir}/none`, `the directory "${dir}/none" does not exist`],
    ];
    for (const [program, where, why] of cases) {
      const run = shell.run([program], { cwd: where, env: { ...env, PATH: `${env.PATH}:${dir}` } });
      const error = await assertRejects(() => run, CommandError);
      assertEquals(error.message, `Cannot start "${program}": ${why}`);
      assertEquals(error.code, undefined);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("run() hints at memory when a program was killed", async () => {
  const shell = createShell({ cwd, env });
  const error = await assertRejects(() => shell.run(["sh", "-c", "kill -9 $$"]), CommandError);
  assertEquals(error.signal, "SIGKILL");
  assertStringIncludes(error.notes.join("\n"), "out of memory");
});

Deno.test("run() feeds stdin, also to a program that does not read it", async () => {
  const shell = createShell({ cwd, env });
  assertEquals((await shell.run(["cat"], { stdin: "text" })).stdout, "text");
  await shell.run(["true"], { stdin: "x".repeat(1 << 20) });
});

Deno.test("run() gives large output to onStdout as fast as it is taken", async () => {
  const shell = createShell({ cwd, env });
  let bytes = 0;
  await shell.run(["head", "-c", "5000000", "/dev/zero"], {
    onStdout: async (chunk) => {
      bytes += chunk.length;
      await Promise.resolve();
    },
  });
  assertEquals(bytes, 5_000_000);
});

Deno.test({
  name: "run() ends the whole group when aborted",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const controller = new AbortController();
    const shell = createShell({ cwd, env, signal: controller.signal, graceMs: 500 });
    let pids: number[] = [];
    const running = shell.run(["sh", "-c", WITH_CHILD], {
      onStdout: (chunk) => {
        pids = new TextDecoder().decode(chunk).trim().split(" ").map(Number);
        controller.abort();
      },
    });
    await assertRejects(() => running, InterruptedError);
    assertEquals(pids.length, 2);
    assertEquals(await waitUntilGone(pids), []);
  },
});

Deno.test({
  name: "run() kills a group that ignores the polite signal",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const controller = new AbortController();
    const shell = createShell({ cwd, env, graceMs: 200 });
    const started = performance.now();
    let pid = 0;
    const running = shell.run([
      "sh",
      "-c",
      "trap '' INT TERM; echo $$; while :; do sleep 0.1; done",
    ], {
      signal: controller.signal,
      onStdout: (chunk) => {
        pid = Number(new TextDecoder().decode(chunk));
        controller.abort();
      },
    });
    await assertRejects(() => running, InterruptedError);
    assert(performance.now() - started < 60_000);
    assertEquals(await waitUntilGone([pid]), []);
  },
});

Deno.test({
  name: "run() leaves no member of the group behind when its leader ends",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const shell = createShell({ cwd, env });
    const { stdout } = await shell.run(["sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!"]);
    assertEquals(await waitUntilGone([Number(stdout)]), []);
  },
});

Deno.test("run() starts nothing after an abort", async () => {
  const starts: string[] = [];
  const shell = createShell({
    cwd,
    env,
    signal: AbortSignal.abort(),
    onStart: ({ argv }) => void starts.push(argv.join(" ")),
  });
  await assertRejects(() => shell.run(["true"]), InterruptedError);
  assertEquals(starts, []);
});

Deno.test("onWait is told of programs that say what they do, and of their end", async () => {
  const told: string[] = [];
  const onWait = (what: string) => {
    told.push(what);
    return () => void told.push(`end of ${what}`);
  };
  const shell = createShell({ cwd, env, onWait });
  await shell.run(["true"], { label: "Trying" });
  await shell.run(["true"], { label: "Trying", doing: "a try" });
  await assertRejects(() => shell.run(["false"], { doing: "failing" }), CommandError);
  await assertRejects(() => shell.run(["/no such program"], { doing: "nothing" }), CommandError);
  assertEquals(told, ["a try", "failing", "nothing"].flatMap((what) => [what, `end of ${what}`]));
});

Deno.test("onStart receives every program", async () => {
  const starts: string[] = [];
  const shell = createShell({ cwd, env, onStart: ({ argv }) => void starts.push(argv.join(" ")) });
  await shell.run(["true"]);
  await shell.run(["echo", "a"]);
  assertEquals(starts, ["true", "echo a"]);
});

Deno.test({
  ...unless(
    which("ps") === undefined && "needs ps",
    "run() can hand on stdin, stdout and stderr, in a group of its own or in the foreground",
  ),
  fn: async () => {
    const module = new URL("../../src/shell/mod.ts", import.meta.url).href;
    const config = join(
      import.meta.dirname!,
      "../..",
      Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json",
    );
    const program = `import { createShell } from ${JSON.stringify(module)};
  const shell = createShell({ cwd: "/", env: { PATH: Deno.env.get("PATH") ?? "" } });
  const script = 'cat; echo err >&2; [ "$(ps -o pgid= -p $$)" = "$(ps -o pgid= -p $PPID)" ] && exit 3; exit 4';
  const foreground = Deno.args[0] === "foreground";
  const { code, stdout, tail } = await shell.run(["sh", "-c", script], {
    output: "inherit", foreground, allowed: "any",
  });
  console.log(code, stdout === "", tail.length);`;
    const file = join(cwd, "inherit.ts");
    await Deno.writeTextFile(file, program);
    const shell = createShell({ cwd, env: Deno.env.toObject() });
    const start = async (word: string) => {
      const argv = [Deno.execPath(), "run", "-A", "--no-check", "--config", config, file, word];
      const { stdout, tail } = await shell.run(argv, { stdin: "in\n" });
      assert(tail.includes("err"));
      return stdout;
    };
    assertEquals(await start("foreground"), "in\n3 true 0\n");
    assertEquals(await start("group"), "in\n4 true 0\n");
  },
});

Deno.test("run() ends what it handed on its output to when it is stopped", async () => {
  for (const foreground of [true, false]) {
    const stop = new AbortController();
    const shell = createShell({ cwd, env, signal: stop.signal, graceMs: 100 });
    let pid = 0;
    const running = shell.run(["sh", "-c", "trap '' INT; exec sleep 300"], {
      ...{ output: "inherit", foreground },
      onSpawn: (started) => {
        pid = started;
        stop.abort();
      },
    });
    await assertRejects(() => running, InterruptedError);
    assertEquals(await waitUntilGone([pid]), []);
  }
});
