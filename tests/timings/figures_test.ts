import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { criticalPath, figuresOf, pageOf, traceOf } from "../../src/timings/mod.ts";
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
