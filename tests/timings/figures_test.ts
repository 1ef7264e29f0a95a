import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { basename, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import type { KubeContext } from "../../src/lib/init.ts";
import {
  criticalPath,
  figuresOf,
  keptRuns,
  pageOf,
  readRun,
  traceOf,
} from "../../src/timings/mod.ts";
import { madeUpRun } from "./_run.ts";

Deno.test("figuresOf() has what units took, now and before, and counts them", () => {
  const { counts, ms, units } = figuresOf(madeUpRun());
  assertEquals(ms, 12_500);
  assertEquals(counts, { made: 3, reused: 1, failed: 1, stopped: 0, unfinished: 0 });
  assertEquals(units.map(({ name, ms, before }) => [name, ms, before]), [
    ["go", 0, 2000],
    ["kubectl", 4000, 3000],
    ["kubelet", 5000, undefined],
    ["a<b>&c", 1000, undefined],
    ["all", 3000, undefined],
  ]);
});

Deno.test("criticalPath() goes back from the last unit to the first", () => {
  assertEquals(
    [...criticalPath(madeUpRun().state)],
    ["tarball all", "build kubelet", "build kubectl"],
  );
});

Deno.test("pageOf() has every figure, escapes names, and needs nothing from elsewhere", () => {
  const page = pageOf(figuresOf(madeUpRun()));
  assertStringIncludes(page, "<title>kbuild quick-release: 13 s</title>");
  assertStringIncludes(page, "failed with status 1: 3 made, 1 reused, 1 failed");
  assertStringIncludes(page, "a&lt;b&gt;&amp;c");
  assertStringIncludes(page, "On average 1.5 of 2 processors worked");
  assertStringIncludes(page, "At most 1 GB of 4 GB were in use");
  assertMatch(page, /<th scope="row">kubelet<\/th>.*<td class="number">5\.0 s<\/td>/);
  assertMatch(page, /<th scope="row">all<\/th><td>tarball<\/td><td>failed: no room<\/td>/);
  assertEquals(page.match(/<rect /g)?.length, 4);
  assert(!/<script|https?:|url\(|@import|<link|<img/i.test(page), "something from elsewhere");
});

Deno.test("pageOf() of a run without units is a page, too", () => {
  const { state: _, ...rest } = madeUpRun();
  const page = pageOf({
    ...figuresOf(madeUpRun()),
    ...{ ...rest, units: [], samples: [], ms: 0 },
    counts: { made: 0, reused: 0, failed: 0, stopped: 0, unfinished: 0 },
  });
  assertStringIncludes(page, "no units");
  assert(!page.includes("NaN") && !page.includes("Infinity"), page);
});

Deno.test("traceOf() has an event of each unit in microseconds, none over another in its line", () => {
  const { traceEvents } = JSON.parse(traceOf(figuresOf(madeUpRun()))) as {
    traceEvents: { name: string; ph: string; tid?: number; ts: number; dur: number }[];
  };
  const units = traceEvents.filter(({ ph }) => ph === "X");
  assertEquals(units.map(({ name, tid, ts, dur }) => [name, tid, ts, dur]), [
    ["kubectl", 1, 0, 4e6],
    ["kubelet", 1, 4e6, 5e6],
    ["a<b>&c", 2, 4e6, 1e6],
    ["all", 1, 9e6, 3e6],
  ]);
  assertEquals(traceEvents.filter(({ ph }) => ph === "C").length, 4);
});

Deno.test("readRun() leaves out what is not an event of its form", async () => {
  const path = await Deno.makeTempFile();
  try {
    const lines = [
      { event: "run.start", version: 1, at: "2026-01-31T12:00:00.000Z", command: "all", ms: 0 },
      { event: "unit.queued", id: "a", kind: "<script>alert(1)</script>", name: "a", ms: 1 },
      { event: "unit.queued", id: "b", kind: "build", ms: 1 },
      { event: "unit.queued", id: "c", kind: "build", name: "c", ms: 1 },
      { event: "unit.start", id: "c", ms: 1 },
      { event: "unit.end", id: "c", result: "<b>", ms: 2 },
      { event: "unit.end", id: "c", result: "made", ms: 1e300 },
      { event: "unit.end", id: "c", result: "made", ms: -5 },
      { event: "run.expected", ms: 2 },
      { event: "run.expected", units: { c: "x" }, ms: 2 },
      { event: "run.sample", processors: null, ms: 2 },
      { event: "toString", ms: 2 },
      { event: "unit.end", id: "c", result: "made", ms: 3 },
      { event: "run.end", code: "0", ms: 4 },
    ].map((line) => JSON.stringify(line));
    await Deno.writeTextFile(path, [...lines, "null", "[]", "\0", '{"event":"run.e'].join("\n"));
    const run = await readRun(path);
    assertEquals(run.code, undefined);
    assertEquals([...run.state.units.keys()], ["c"]);
    const figures = figuresOf(run);
    assertEquals(figures.units[0]?.ms, 2);
    assertEquals(figures.ms, 3);
    assert(!pageOf(figures).includes("<script"));
    assertStringIncludes(traceOf(figures), '"dur":2000');
    await Deno.truncate(path, 2 ** 26 + 1);
    await assertRejects(() => readRun(path), KbuildError, "no run more than");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("pageOf() takes the samples of a run of days", () => {
  const run = madeUpRun();
  const [sample] = run.state.samples;
  for (let i = 0; i < 200_000; i++) run.state.samples.push({ ...sample!, ms: i });
  assertStringIncludes(pageOf(figuresOf(run)), "At most 1 GB of 4 GB");
});

Deno.test("keptRuns() has runs of the future last: the clock was set back", async () => {
  const output = await Deno.makeTempDir();
  try {
    const runs = join(output, ".kbuild", "runs");
    await Deno.mkdir(runs, { recursive: true });
    for (const year of [2020, 2021, 2999]) {
      await Deno.writeTextFile(join(runs, `${year}0131T120000.000Z-all.jsonl`), "");
    }
    const kept = await keptRuns({ output } as KubeContext);
    assertEquals(kept.map(({ path }) => basename(path).slice(0, 4)), ["2021", "2020", "2999"]);
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});
