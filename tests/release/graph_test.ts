import { assertEquals, assertRejects } from "@std/assert";
import { runGraph, type Task } from "../../src/release/graph.ts";

function task(name: string, needs: string[], log: string[], fail = false): Task<string> {
  return {
    name,
    needs,
    async run(results, signal) {
      log.push(`+${name}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      signal.throwIfAborted();
      if (fail) throw new Error(`${name} failed`);
      log.push(`-${name}`);
      return needs.map((need) => results.get(need)).join("") + name;
    },
  };
}

Deno.test("runGraph() starts tasks when what they need is there", async () => {
  const log: string[] = [];
  const tasks = [task("c", ["a", "b"], log), task("a", [], log), task("b", ["a"], log)];
  const results = await runGraph(tasks, { limit: 3 });
  assertEquals(Object.fromEntries(results), { a: "a", b: "ab", c: "aabc" });
  assertEquals(log, ["+a", "-a", "+b", "-b", "+c", "-c"]);
});

Deno.test("runGraph() runs at most as many at once as it may", async () => {
  const log: string[] = [];
  await runGraph(["a", "b", "c"].map((name) => task(name, [], log)), { limit: 2 });
  assertEquals(log.slice(0, 2), ["+a", "+b"]);
  assertEquals(log.indexOf("+c") > log.indexOf("-a"), true);
});

Deno.test("runGraph() stops the others at the first failure, and throws it", async () => {
  const log: string[] = [];
  const tasks = [task("bad", [], log, true), task("slow", [], log), task("next", ["slow"], log)];
  await assertRejects(() => runGraph(tasks, { limit: 2 }), Error, "bad failed");
  assertEquals(log.includes("+next"), false);
});

Deno.test("runGraph() stops when it is aborted", async () => {
  const log: string[] = [];
  const signal = AbortSignal.abort(new Error("stopped"));
  await assertRejects(() => runGraph([task("a", [], log)], { limit: 1, signal }), Error, "stopped");
  assertEquals(log, []);
});

Deno.test("runGraph() refuses tasks that wait for each other", async () => {
  const tasks = [task("a", ["b"], []), task("b", ["a"], [])];
  await assertRejects(() => runGraph(tasks, { limit: 2 }), RangeError, 'Cannot start "a"');
});
