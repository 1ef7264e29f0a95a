import { type RunEvent, RunState } from "../../src/events/mod.ts";
import type { ReadRun } from "../../src/timings/mod.ts";

/** A run: two programs one after the other, an image beside the second, a tarball at the end. */
export function madeUpRun(): ReadRun {
  const state = new RunState();
  const add = (event: Record<string, unknown>) => state.add(event as unknown as RunEvent);
  const units = [
    ["build kubectl", "build", "kubectl", 0, 4000, "made"],
    ["build kubelet", "build", "kubelet", 4000, 9000, "made"],
    ["image a<b>&c", "image", "a<b>&c", 4000, 5000, "made"],
    ["tarball all", "tarball", "all", 9000, 12_000, "failed"],
  ] as const;
  add({ event: "run.expected", units: { "build kubectl": 3000, "fetch go": 2000 }, ms: 0 });
  for (const [id, kind, name] of units) add({ event: "unit.queued", id, kind, name, ms: 0 });
  add({ event: "unit.queued", id: "fetch go", kind: "fetch", name: "go", ms: 0 });
  add({ event: "unit.end", id: "fetch go", result: "reused", reason: "it is there", ms: 0 });
  for (const [id, , , start, end, result] of units) {
    add({ event: "unit.start", id, ms: start });
    add({
      event: "unit.end",
      id,
      result,
      ...(result === "failed" ? { reason: "no room" } : {}),
      ms: end,
    });
  }
  for (const ms of [1000, 2000]) {
    const sample = { processors: 1.5, ofProcessors: 2, memory: 1e9, ofMemory: 4e9 };
    add({ event: "run.sample", ...sample, ms });
  }
  add({ event: "run.end", code: 1, ms: 12_500 });
  return { command: "quick-release", at: "2026-01-31T12:00:00.000Z", code: 1, state };
}
