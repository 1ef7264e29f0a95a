import { assert, assertEquals } from "@std/assert";
import { createEvents, RunState } from "../../src/events/mod.ts";
import { processorTime, stageLines, StageMeter, summary } from "../../src/progress/mod.ts";

Deno.test("processorTime() counts this process and the programs that have ended", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const before = processorTime() ?? NaN;
  const line = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
  await new Deno.Command("sh", { args: ["-c", line] }).output();
  assert((processorTime() ?? NaN) > before, `${before}`);
});

Deno.test("StageMeter: clock and processors by stage; summary() names what reuse has saved", async () => {
  let [ms, used] = [0, 0];
  const events = createEvents({ now: () => ms });
  const state = new RunState();
  const meter = new StageMeter(() => used);
  events.listen((event) => {
    state.add(event);
    meter.add(event, state);
  });
  events.expect({
    units: {},
    made: { "tarball a.tar.gz": 61_000, "build kubelet": 500, "image x": 1 },
  });
  const work = (wall: number, processor: number) => () => {
    [ms, used] = [ms + wall, used + processor];
    return Promise.resolve();
  };
  await events.unit({ kind: "build", name: "kubectl" }).run(work(4000, 7000));
  // Between two stages: for the one before.
  used += 1000;
  const two = [
    events.unit({ kind: "tarball", name: "b.tar.gz" }),
    events.unit({ kind: "image", name: "c" }),
  ];
  await two[0]!.run(async () => {
    await work(1000, 1500)();
    await two[1]!.run(work(2000, 3000));
  });
  events.unit({ kind: "tarball", name: "a.tar.gz" }).reuse("as it was");
  const stages = meter.stages(state);
  assertEquals(stages, [
    { stage: "build", wall: 4000, processor: 8000 },
    { stage: "package", wall: 3000, processor: 4500 },
  ]);
  assertEquals(stageLines(stages), [
    "build 4.0 s, processors 8.0 s",
    "package 3.0 s, processors 4.5 s",
  ]);
  assertEquals(
    summary(state),
    "7.0 s: 3 made, 1 reused (about 1 min 1 s of work saved); " +
      "the longest: kubectl 4.0 s, b.tar.gz 3.0 s, c 2.0 s",
  );
});

Deno.test("StageMeter: a system that does not say what processors did", async () => {
  const events = createEvents();
  const state = new RunState();
  const meter = new StageMeter(() => undefined);
  events.listen((event) => {
    state.add(event);
    meter.add(event, state);
  });
  await events.unit({ kind: "push", name: "x" }).run(() => Promise.resolve());
  const [stage] = meter.stages(state);
  assertEquals([stage?.stage, stage !== undefined && "processor" in stage], ["push", false]);
});
