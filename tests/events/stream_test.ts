import { assertEquals, assertRejects } from "@std/assert";
import { createEvents, type RunEvent, RunState } from "../../src/events/mod.ts";

function recorded(signal?: AbortSignal) {
  let ms = 0;
  const all: RunEvent[] = [];
  const events = createEvents({ now: () => ms, signal });
  events.listen((event) => void all.push(event));
  return { all, events, wait: (more: number) => void (ms += more) };
}

Deno.test("createEvents() reports a unit's life, and state tells it again", async () => {
  const { all, events, wait } = recorded();
  events.begin("all");
  const unit = events.unit({ kind: "image", name: "kube-proxy-amd64" });
  wait(5);
  const result = await unit.run(() => {
    wait(7);
    return Promise.resolve("done");
  });
  events.end(0);
  assertEquals(result, "done");
  const id = "image kube-proxy-amd64";
  assertEquals(all.slice(1), [
    { event: "unit.queued", id, kind: "image", name: "kube-proxy-amd64", ms: 0 },
    { event: "unit.start", id, ms: 5 },
    { event: "unit.end", id, result: "made", ms: 12 },
    { event: "run.end", code: 0, ms: 12 },
  ]);
  const state = new RunState();
  for (const event of all) state.add(event);
  const [known] = state.ended("made");
  assertEquals([known?.started, known?.ended, state.running.length], [5, 12, 0]);
});

Deno.test("a unit is reused, failed or stopped, once", async () => {
  const stop = new AbortController();
  const { all, events } = recorded(stop.signal);
  const reused = events.unit({ kind: "build", name: "kubectl" });
  await reused.run(() => {
    reused.reuse("as it was");
    return Promise.resolve();
  });
  const failing = () => Promise.reject(new Error("no room"));
  await assertRejects(() => events.unit({ kind: "build", name: "kubelet" }).run(failing));
  stop.abort();
  await assertRejects(() => events.unit({ kind: "build", name: "kubeadm" }).run(failing));
  const ends = all.flatMap((event) => event.event === "unit.end" ? [event] : []);
  assertEquals(ends.map(({ id, result, reason }) => [id, result, reason]), [
    ["build kubectl", "reused", "as it was"],
    ["build kubelet", "failed", "no room"],
    ["build kubeadm", "stopped", undefined],
  ]);
});

Deno.test("a unit that another's failure ends was stopped", async () => {
  const { all, events } = recorded();
  const other = new AbortController();
  const unit = events.unit({ kind: "build", name: "kubectl" });
  await assertRejects(() =>
    unit.run(() => {
      other.abort();
      return Promise.reject(new Error("aborted"));
    }, other.signal)
  );
  assertEquals(all.at(-1), { event: "unit.end", id: "build kubectl", result: "stopped", ms: 0 });
});

Deno.test("two units of one name are told apart", () => {
  const { all, events } = recorded();
  for (const _ of [1, 2]) events.unit({ kind: "fetch", name: "a" });
  assertEquals(all.map((event) => "id" in event && event.id), ["fetch a", "fetch a #2"]);
});

Deno.test("progress comes five times a second at most, the last of it always", async () => {
  const { all, events, wait } = recorded();
  const unit = events.unit({ kind: "fetch", name: "a" });
  await unit.run(() => {
    for (let done = 1; done <= 100; done++) {
      wait(10);
      unit.progress({ done, total: 100, of: "bytes" });
    }
    return Promise.resolve();
  });
  const seen = all.flatMap((event) => event.event === "unit.progress" ? [event.done] : []);
  assertEquals(seen, [1, 21, 41, 61, 81, 100]);
});

Deno.test("nobody who listens costs nothing, and a listener can leave", () => {
  const { all, events } = recorded();
  const seen: RunEvent[] = [];
  const leave = events.listen((event) => void seen.push(event));
  events.log("info", "one");
  leave();
  events.log("info", "two");
  assertEquals([seen.length, all.length], [1, 2]);
});

Deno.test("announce() makes units known before they are reported, each once", async () => {
  const stream = createEvents();
  const state = new RunState();
  stream.listen((event) => state.add(event));
  const spec = { kind: "build", name: "kubectl" } as const;
  stream.announce([spec, { kind: "tarball", name: "kubernetes.tar.gz" }]);
  assertEquals([...state.units.keys()], ["build kubectl", "tarball kubernetes.tar.gz"]);
  await stream.unit(spec).run(() => Promise.resolve());
  assertEquals(state.units.get("build kubectl")?.result, "made");
  // One that is done again was not announced.
  stream.unit(spec).reuse("it is there");
  assertEquals([...state.units.keys()], [
    ...["build kubectl", "tarball kubernetes.tar.gz", "build kubectl #2"],
  ]);
});
