/** The events of commands: `--events`, `--progress`. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import schema from "../../docs/events.schema.json" with { type: "json" };
import { createEvents, type RunEvent, RunState } from "../../src/events/mod.ts";
import { recordEvents } from "../../src/progress/mod.ts";
import {
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  script,
  start,
  unless,
} from "../e2e/_program.ts";
import { faultsOf } from "./_json_schema.ts";

/** The events of a text of lines; each is held against the schema. */
function eventsIn(text: string): readonly RunEvent[] {
  assert(text.endsWith("\n"), text);
  return text.trimEnd().split("\n").map((line) => {
    const event = JSON.parse(line) as RunEvent;
    // deno-lint-ignore no-explicit-any -- JSON's types are wider than the schema's
    assertEquals(faultsOf(event, schema as any), [], line);
    return event;
  });
}

/** Events that are about times, and the log, which has some in it. */
const TIMES: ReadonlySet<string> = new Set([
  "log",
  "unit.progress",
  "run.expected",
  "run.sample",
  "run.stage",
]);

/** What a run came to, by its events alone. */
function outcome(events: readonly RunEvent[]): Record<string, string> {
  const state = new RunState();
  for (const event of events) state.add(event);
  const units = [...state.units.values()].map(({ id, result = "lost" }) => [id, result] as const);
  return Object.fromEntries(units.toSorted(([a], [b]) => a < b ? -1 : 1));
}

Deno.test("faultsOf() finds what does not fit", () => {
  const fits = { event: "run.end", code: 0, ms: 1 };
  // deno-lint-ignore no-explicit-any -- as above
  const faults = (value: unknown) => faultsOf(value, schema as any).length;
  assertEquals(faults(fits), 0);
  for (
    const wrong of [
      { ...fits, ms: -1 },
      { ...fits, code: 256 },
      { ...fits, more: 1 },
      { event: "run.end", ms: 1 },
      { ...fits, event: "run.ended" },
      "run.end",
    ]
  ) assert(faults(wrong) > 0, JSON.stringify(wrong));
});

Deno.test({
  ...unless(missingFor("1.35"), "events of commands fit the schema, in the file as on stderr"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const file = join(dir, "an events file");
      const lines = [
        ...[
          "version",
          "env",
          "targets",
          "platforms",
          "inspect",
          "plan all kubectl",
          "plan --network all kubectl",
          "all --dry-run",
        ],
        ...["completion bash", "toolchain", "clean --dry-run", "doctor --offline", "all nothing"],
        ...["images push", "verify-release /nowhere", "all kubectl"],
      ];
      for (const line of lines) {
        const args = ["--progress=json", "--events", file, ...line.split(" ")];
        const { code, stderr } = await kbuild(args, { cwd: root });
        const events = eventsIn(stderr);
        assertEquals(await Deno.readTextFile(file), stderr, line);
        assertEquals(events[0]?.event, "run.start", line);
        const last = events.at(-1);
        assert(last?.event === "run.end", line);
        assertEquals(last.code, code, line);
        const isSaid = events.some((event) => event.event === "log" && event.level === "error");
        assertEquals(isSaid, code !== 0 && !line.startsWith("doctor"), line);
      }
    }),
});

Deno.test({
  ...unless(
    missingFor("1.35"),
    "kbuild plan takes --progress and --events behind the planned command",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const file = join(dir, "events");
      const args = ["plan", "all", "kubectl", "--progress=json", "--events", file];
      const { code, stderr, stdout } = await kbuild(args, { cwd: root });
      assertEquals(code, 0, stderr);
      assertEquals(eventsIn(stderr).at(-1)?.event, "run.end");
      assertEquals(await Deno.readTextFile(file), stderr);
      assertStringIncludes(stdout, "kubectl");
      const wrong = await kbuild(["plan", "all", "--progress=jsn"], { cwd: root });
      assertEquals(wrong.code, 2);
      assertMatch(wrong.stderr, /"json"/);
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "events tell what a release made, reused and failed in"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const run = async (code: number) => {
        const file = join(dir, "events");
        const args = ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy", "--events", file];
        const result = await kbuild(args, { cwd: root });
        assertEquals(result.code, code, result.stderr);
        return { events: eventsIn(await Deno.readTextFile(file)), ...result };
      };
      const made = outcome((await run(0)).events);
      assertEquals(new Set(Object.values(made)), new Set(["made"]));
      const ids = Object.keys(made);
      for (const kind of ["build", "image", "tarball"]) {
        assert(ids.some((id) => id.startsWith(`${kind} `)), `${kind}: ${ids}`);
      }

      // What was written just before the first run ended counts as changed.
      await run(0);
      const [second, third] = [(await run(0)).events, (await run(0)).events];
      assertEquals(Object.keys(outcome(second)), ids);
      const reused = Object.entries(outcome(second)).filter(([, result]) => result === "reused");
      assert(reused.some(([id]) => id.startsWith("image ")), JSON.stringify(outcome(second)));
      // Of the same work only the times differ, and the order of what runs side by side.
      const timeless = (events: readonly RunEvent[]) =>
        events.filter(({ event }) => !TIMES.has(event))
          .map((event) => JSON.stringify({ ...event, ms: 0, at: "" })).sort();
      assertEquals(timeless(third), timeless(second));

      await Deno.writeTextFile(
        join(root, "cmd/kubectl/kubectl.go"),
        "package main\n\nfunc main( {",
      );
      const failed = await run(1);
      const results = Object.values(outcome(failed.events));
      assert(results.includes("failed"), JSON.stringify(outcome(failed.events)));
      assert(!results.includes("lost") || !results.includes("made"));
      assertStringIncludes(failed.stderr, "kubectl.go:3");
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "quiet is quiet until a run fails, and then has the output"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const build = () => kbuild(["all", "kubectl", "--progress", "quiet"], { cwd: root });
      const good = await build();
      assertEquals([good.code, good.stderr], [0, ""]);
      assertMatch(good.stdout, /kubectl\n$/);
      await Deno.writeTextFile(
        join(root, "cmd/kubectl/kubectl.go"),
        "package main\n\nfunc main( {",
      );
      const bad = await build();
      assertEquals(bad.code !== 0, true);
      assertMatch(bad.stderr, /kubectl\.go:3[^]*kbuild: /);
    }),
});

Deno.test({
  ...unless(
    Deno.build.os !== "linux" && "needs /dev/full",
    "a file of events that cannot be written any more is a warning",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const args = ["--events", "/dev/full", "toolchain", "list", "--offline"];
      const listed = await kbuild(args, { cwd: dir });
      assertEquals(listed.code, 0, listed.stderr);
      assertEquals(listed.stderr.match(/Cannot write events to "\/dev\/full"/g)?.length, 1);
    }),
});

Deno.test("wrong values of --progress and --events are refused", () =>
  inScratch(async (dir) => {
    const look = (args: readonly string[], env = {}) =>
      kbuild(["version", ...args], { cwd: dir, env: { ...Deno.env.toObject(), ...env } });
    const tty = await look(["--progress=tty"]);
    assertEquals(tty.code, 2);
    assertStringIncludes(tty.stderr, "standard error is not a terminal");
    const choice = await look(["--progress=fancy"]);
    assertEquals(choice.code, 2);
    assertStringIncludes(choice.stderr, 'is not "auto", "tty", "plain"');
    const variable = await look([], { KBUILD_PROGRESS: "fancy" });
    assertEquals(variable.code, 2);
    assertStringIncludes(variable.stderr, "KBUILD_PROGRESS");
    const file = await look(["--events", dir]);
    assertEquals(file.code, 1);
    assertStringIncludes(file.stderr, `Cannot write events to "${dir}"`);
  }));

Deno.test({
  name: "--events: a FIFO that nobody reads is refused at once; one that is read takes them",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inScratch(async (dir) => {
      const fifo = join(dir, "fifo");
      await output(["mkfifo", fifo], { cwd: dir });
      const refused = await kbuild(["version", "--events", fifo], { cwd: dir });
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, "nobody reads the FIFO");
      const reader = start(["cat", fifo], { cwd: dir });
      // Until the reader has begun, it is refused as before.
      let isRead = false;
      for (let tries = 0; !isRead && tries < 40; tries++) {
        const { stderr } = await kbuild(["version", "--events", fifo], { cwd: dir });
        isRead = !stderr.includes("nobody reads the FIFO");
      }
      if (!isRead) reader.kill("SIGKILL");
      const read = await new Response(reader.stdout).text();
      await reader.stderr.cancel();
      await reader.status;
      assertStringIncludes(read, '"event":"run.end"');
    }),
});

Deno.test("events of two runs in one file are whole lines", () =>
  inScratch(async (dir) => {
    const path = join(dir, "events.jsonl");
    const [one, two] = [createEvents(), createEvents()];
    recordEvents(one, path);
    one.begin("one");
    recordEvents(two, path);
    two.begin("two");
    one.end(0);
    two.end(0);
    const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
    assertEquals(lines.map((line) => JSON.parse(line).event), ["run.start", "run.end", "run.end"]);
  }));

Deno.test({
  name: "nohup: a hangup that was ignored from the start stays ignored",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inScratch(async (dir) => {
      // A docker that sends the hangup to kbuild, which waits for it.
      const docker = join(dir, "docker");
      script(docker, "kill -HUP $PPID\nsleep 1\necho 20.10\n");
      const env = { ...Deno.env.toObject(), PATH: `${dir}:${Deno.env.get("PATH") ?? ""}` };
      const doctor = kbuildArgv("doctor", "docker");
      const ended = await output(
        ["sh", "-c", `trap '' HUP; "$@" 2>&1; echo "status $?"`, "sh", ...doctor],
        { cwd: dir, env },
      );
      assertStringIncludes(ended, "docker: 20.10");
      assertStringIncludes(ended, "status 0");
      const stopped = await kbuild(["doctor", "docker"], { cwd: dir, env });
      assertEquals(stopped.code, 129);
      assertStringIncludes(stopped.stderr, "Stopped by SIGHUP");
      assert(!stopped.stdout.includes("FAIL"), stopped.stdout);
    }),
});
