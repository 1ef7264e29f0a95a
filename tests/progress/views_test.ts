import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createEvents, type Events, type RunEvent, RunState } from "../../src/events/mod.ts";
import { sizeOf } from "../../src/cli/mod.ts";
import { UsageError } from "../../src/errors.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { frame, progressMode, showRun, summary, Waits } from "../../src/progress/mod.ts";

/** State after some units: two at work for 3 and 61 s, one done, one that waits. */
function someState(): RunState {
  const state = new RunState();
  const add = (event: Record<string, unknown>) => state.add(event as unknown as RunEvent);
  for (const name of ["kubelet", "kubectl", "kube-proxy", "kubeadm"]) {
    add({ event: "unit.queued", id: name, kind: "build", name, ms: 0 });
  }
  add({ event: "unit.start", id: "kubelet", ms: 1000 });
  add({ event: "unit.start", id: "kube-proxy", ms: 1000 });
  add({ event: "unit.end", id: "kube-proxy", result: "made", ms: 58_000 });
  add({ event: "unit.start", id: "kubectl", ms: 59_000 });
  add({ event: "unit.progress", id: "kubectl", done: 12e6, total: 97e6, of: "bytes", ms: 60_000 });
  return state;
}

Deno.test("frame() has a line of the run and one for each unit, the longest first", () => {
  assertEquals(frame(someState(), 62_000, { columns: 60, rows: 24 }), [
    "[1 min 2 s] 1 of 4 done, 2 running",
    "    building kubelet                              1 min 1 s",
    "    building kubectl                    12 MB of 97 MB  3 s",
  ]);
});

Deno.test("frame() names the package that is compiled, and how many there are", () => {
  const state = someState();
  const add = (event: Record<string, unknown>) => state.add(event as unknown as RunEvent);
  const progress = { done: 812, total: 1180, of: "packages", at: "k8s.io/client-go/kubernetes" };
  add({ event: "unit.progress", id: "kubelet", ...progress, ms: 61_000 });
  const [, shown = ""] = frame(state, 62_000, { columns: 100, rows: 24 });
  assertMatch(
    shown,
    /^ {4}building kubelet: k8s\.io\/client-go\/kubernetes {2,}812 of 1180 packages {2}1/,
  );
  for (let columns = 20; columns < 120; columns++) {
    for (const line of frame(state, 62_000, { columns, rows: 24 })) {
      assert(line.length < columns, line);
    }
  }
});

Deno.test("frame() shows the package beside a long name, of both what says most", () => {
  const state = new RunState();
  const name = "openapi-gen, go-bindata and 11 more for linux/amd64";
  const at = "k8s.io/client-go/kubernetes/typed/apps/v1";
  const progress = { done: 29, total: 72, of: "packages", at };
  for (
    const event of [
      { event: "unit.queued", id: "x", kind: "build", name },
      { event: "unit.start", id: "x" },
      { event: "unit.progress", id: "x", ...progress },
    ]
  ) state.add({ ...event, ms: 0 } as unknown as RunEvent);
  const [, shown = ""] = frame(state, 62_000, { columns: 80, rows: 24 });
  assertEquals(
    shown,
    "    building openapi-gen,…: …rnetes/typed/apps/v1  29 of 72 packages  1 min 2 s",
  );
});

Deno.test("frame() fits any terminal", () => {
  for (const columns of [1, 5, 10, 20, 40, 80, 200]) {
    for (const rows of [1, 3, 6, 24]) {
      const lines = frame(someState(), 62_000, { columns, rows });
      assert(lines.length <= Math.max(3, Math.floor(rows / 3)), `${columns}×${rows}: ${lines}`);
      for (const line of lines) assert(line.length < Math.max(2, columns), `${columns}: "${line}"`);
    }
  }
  assertEquals(frame(someState(), 62_000, { columns: 40, rows: 6 }), [
    "[1 min 2 s] 1 of 4 done, 2 running",
    "    building kubelet          1 min 1 s",
    "    and 1 more",
  ]);
});

Deno.test("frame() names what is waited for where no unit is at work", () => {
  const size = { columns: 60, rows: 24 };
  assertEquals(frame(new RunState(), 2000, size), []);
  assertEquals(frame(new RunState(), 2000, size, "git status"), ["[2 s] git status"]);
  assertEquals(frame(someState(), 62_000, size, "git status"), frame(someState(), 62_000, size));
});

Deno.test("what is waited for is gone from the terminal when it has ended", async () => {
  const drawn: (readonly string[])[] = [];
  const screen = {
    write: () => {},
    show: (lines: readonly string[]) => void drawn.push(lines),
    forget: () => {},
    size: () => ({ columns: 60, rows: 24 }),
  };
  const waits = new Waits();
  const events = createEvents({});
  showRun(events, "tty", { write: () => {}, screen, color: false, groups: false, waits });
  events.begin("version");
  const untilDrawn = async (line: RegExp) => {
    while (!line.test(drawn.at(-1)?.[0] ?? "")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const end = waits.add("git status");
  await untilDrawn(/^\[\d s\] git status$/);
  end();
  assertEquals(drawn.at(-1), []);
  await waits.during("planning", async () => {
    await untilDrawn(/^\[\d s\] planning$/);
    const end = waits.add("go list");
    await untilDrawn(/^\[\d s\] go list$/);
    end();
    assertMatch(drawn.at(-1)?.[0] ?? "", /^\[\d s\] planning$/);
  });
  assertEquals(drawn.at(-1), []);
  events.end(0);
});

Deno.test("progressMode() redraws on terminals alone, and not for CI services", () => {
  const mode = (choice: string, terminal: boolean, env = {}) =>
    progressMode(choice, { terminal, env });
  assertEquals(mode("auto", true), "tty");
  assertEquals(mode("auto", false), "plain");
  assertEquals(mode("auto", true, { CI: "true" }), "plain");
  assertEquals(mode("auto", true, { CI: "false" }), "tty");
  assertEquals(mode("tty", true, { CI: "true" }), "tty");
  assertEquals(mode("json", true), "json");
  assertThrows(() => mode("tty", false), UsageError, "not a terminal");
});

/** What a view writes of a run with a log line, a warning, output, and a unit. */
async function shown(
  mode: "plain" | "json" | "quiet",
  { code = 0, groups = false } = {},
): Promise<string> {
  let text = "";
  let ms = 0;
  const events: Events = createEvents({ now: () => ms });
  showRun(events, mode, { write: (more) => void (text += more), color: false, groups });
  events.begin("all");
  const log = createLogger({ write: (text, level) => events.log(level, text), events });
  log.status("Building");
  log.warn("Careful");
  events.log("output", "a program's words\n");
  for (const kind of ["build", "tarball"] as const) {
    await events.unit({ kind, name: "kubectl" }).run(() => {
      ms += 3000;
      return Promise.resolve();
    });
  }
  if (groups && code === 0) log.status("Summary");
  if (code !== 0) events.log("error", "kbuild: It failed\n");
  events.end(code);
  events.log("info", "after the end\n");
  return text.replaceAll(/\[\d{4} [\d:]{8}\]/g, "[time]");
}

Deno.test("plain: the log, and what took long", async () => {
  assertEquals(
    await shown("plain"),
    "+++ [time] Building\n+++ [time] WARNING: Careful\na program's words\n" +
      "+++ [time] Built kubectl in 3.0 s\n+++ [time] Packed kubectl in 3.0 s\n",
  );
});

Deno.test("plain: groups for services that fold them", async () => {
  const text = await shown("plain", { groups: true });
  assertMatch(text, /::group::Build\n.*Built kubectl[^\n]*\n::endgroup::\n::group::Package\n/s);
  assertEquals(text.match(/::group::/g)?.length, text.match(/::endgroup::/g)?.length);
  assertMatch(text, /\n\+\+\+ \[time\] Packed[^\n]*\n::endgroup::\n\+\+\+ \[time\] Summary\n$/);
  const failed = await shown("plain", { groups: true, code: 1 });
  assertMatch(failed, /::endgroup::\nkbuild: It failed\n$/);
});

Deno.test("quiet: warnings alone; the output of programs when the run fails", async () => {
  assertEquals(await shown("quiet"), "+++ [time] WARNING: Careful\n");
  assertEquals(
    await shown("quiet", { code: 1 }),
    "+++ [time] WARNING: Careful\na program's words\nkbuild: It failed\n",
  );
});

Deno.test("json: every line is an event, and nothing else is written", async () => {
  const lines = (await shown("json")).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ event }) => event), [
    "run.start",
    ...["log", "log", "log"],
    ...["unit.queued", "unit.start", "unit.end"],
    ...["unit.queued", "unit.start", "unit.end"],
    "run.end",
    "log",
  ]);
});

Deno.test("summary() is for runs that took long", () => {
  const state = someState();
  assertEquals(summary(state), undefined);
  state.add({ event: "unit.end", id: "kubelet", result: "made", ms: 64_000 });
  state.add({ event: "unit.end", id: "kubectl", result: "reused", ms: 64_000 });
  assertEquals(
    summary(state),
    "1 min 4 s: 2 made, 1 reused; the longest: kubelet 1 min 3 s, kube-proxy 57 s, kubectl 5.0 s",
  );
});

/** Output of three units at once, of which one fails; with the error, or without one. */
async function shownOf(mode: "plain" | "quiet", error: boolean): Promise<string> {
  let text = "";
  const events = createEvents();
  showRun(events, mode, { write: (more) => void (text += more), color: false, groups: false });
  const [good, bad, other, generator] = [
    events.unit({ kind: "build", name: "good" }),
    events.unit({ kind: "build", name: "bad" }),
    events.unit({ kind: "build", name: "other" }),
    events.unit({ kind: "generate", name: "file" }),
  ];
  const bytes = (text: string) => new TextEncoder().encode(text);
  const stop = new AbortController();
  const all = [good, bad, other, generator].map(() => Promise.withResolvers<void>());
  const running = [
    good.run(() => all[0]!.promise),
    bad.run(() => all[1]!.promise),
    other.run(() => all[2]!.promise, stop.signal),
    generator.run(() => all[3]!.promise),
  ];
  bad.output(bytes("bad 1\n"));
  good.output(bytes("good ü\n").subarray(0, 6));
  generator.output(bytes("chatter\n"));
  other.output(bytes("other 1\n"));
  good.output(bytes("good ü\n").subarray(6));
  bad.output(bytes("bad 2"));
  all[1]!.reject(new Error("no"));
  await running[1]!.catch(() => {});
  stop.abort();
  all[2]!.reject(new Error("stopped"));
  all[0]!.resolve();
  all[3]!.resolve();
  await Promise.allSettled(running);
  events.log("info", "later\n");
  if (error) events.log("error", "kbuild: It failed\n");
  events.end(1);
  return text;
}

Deno.test("the output of a failed unit is shown whole, once, right before the error", async () => {
  const failed = "bad 1\nbad 2\nkbuild: It failed\n";
  assertEquals(await shownOf("plain", true), `good ü\nlater\n${failed}`);
  assertEquals(await shownOf("quiet", true), failed);
  // Nothing failed in the end: it was tried once more.
  assertEquals(await shownOf("plain", false), "good ü\nlater\n");
});

Deno.test("frame() leaves the last row to the cursor", () => {
  for (const rows of [1, 2, 3, 6, 24]) {
    const { length } = frame(someState(), 62_000, { columns: 80, rows });
    assert(length < rows, `${rows} rows: ${length} lines`);
  }
});

Deno.test("names draw nothing: line breaks, escape sequences and text from right to left are escaped", async () => {
  const name = "a\n::error::b\x1b[2Jc\u009bd\u202ee";
  const state = new RunState();
  const add = (event: Record<string, unknown>) => state.add(event as unknown as RunEvent);
  add({ event: "unit.queued", id: "x", kind: "build", name, ms: 0 });
  add({ event: "unit.start", id: "x", ms: 0 });
  add({ event: "unit.progress", id: "x", done: 1, of: "packages", at: name, ms: 1 });
  const lines = frame(state, 2000, { columns: 200, rows: 24 });
  // deno-lint-ignore no-control-regex
  for (const line of lines) assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(line), JSON.stringify(line));
  assertMatch(lines[1] ?? "", /a\\u000a::error::b\\x1b\[2Jc\\x9bd\\u202ee/);
  let now = 0;
  let said = "";
  const events = createEvents({ now: () => now });
  const stop = showRun(events, "plain", {
    write: (text) => void (said += text),
    color: false,
    groups: true,
  });
  const unit = events.unit({ kind: "build", name });
  await unit.run(() => {
    now = 5000;
    return Promise.resolve();
  });
  stop();
  assertMatch(said, /Built a\\u000a::error::b/);
});

Deno.test("sizeOf() assumes a usual size where a terminal says none", () => {
  assertEquals(sizeOf(undefined), { columns: 80, rows: 24 });
  assertEquals(sizeOf({ columns: 0, rows: 0 }), { columns: 80, rows: 24 });
  assertEquals(sizeOf({ columns: 40, rows: 10 }), { columns: 40, rows: 10 });
});
