import type { Events, RunState } from "../events/mod.ts";
import { ifPossible } from "../files/mod.ts";

/** Milliseconds between two samples. */
const SAMPLE_MS = 1000;

/** Whether Deno allows the question without asking the user. */
function isGranted(kind: "cpus" | "systemMemoryInfo"): boolean {
  return Deno.permissions.querySync({ name: "sys", kind }).state === "granted";
}

/**
 * Reports what the machine does while units run, every second. Without the permission (`--allow-sys`),
 * nothing is reported.
 *
 * @param state The run's state so far.
 * @returns Ends it.
 */
export function sampleMachine(events: Events, state: RunState): () => void {
  if (!isGranted("cpus") || !isGranted("systemMemoryInfo")) return () => {};
  let before: Times | undefined;
  const timer = setInterval(async () => {
    if (state.running.length === 0) return;
    const now = await ifPossible(processorTimes());
    if (now === undefined) return;
    const since = before;
    before = now;
    if (since === undefined || now.all === since.all) return;
    const { total, available } = Deno.systemMemoryInfo();
    const busy = 1 - (now.idle - since.idle) / (now.all - since.all);
    events.sample({
      processors: Math.round(busy * now.count * 100) / 100,
      ofProcessors: now.count,
      memory: total - available,
      ofMemory: total,
    });
  }, SAMPLE_MS);
  Deno.unrefTimer(timer);
  return () => clearInterval(timer);
}

/** Milliseconds that all processors together were idle, and all, since the machine's start. */
interface Times {
  readonly count: number;
  readonly idle: number;
  readonly all: number;
}

async function processorTimes(): Promise<Times> {
  // Only a run that takes long needs it.
  const { cpus } = await import("node:os");
  let [idle, all] = [0, 0];
  const each = cpus();
  for (const { times } of each) {
    idle += times.idle;
    all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { count: each.length, idle, all };
}
