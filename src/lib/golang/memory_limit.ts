import { dirname, join } from "@std/path";
import { ifPossible, readNote, writeFileAtomic } from "../../files/mod.ts";
import type { KubeContext } from "../init.ts";
import type { MemoryBudget } from "../util.ts";

/** How much a build may do at once, since more was too much for this checkout on this machine. */
export interface MemoryLimit {
  /** Platforms at once. */
  readonly jobs: number;
  /** What one `go` compiles and links at once (`GOMAXPROCS`, which `go build -p` goes by). */
  readonly processes: number;
  /** Bytes of memory that there were. */
  readonly budget: number;
}

/** With so many times the memory of then, a limit is forgotten. */
const MORE = 1.5;

function fileOf({ output }: KubeContext): string {
  return join(output, ".kbuild", "memory.json");
}

/** The limit that an earlier build has found; undefined where there is none, or much more memory now. */
export async function knownLimit(
  context: KubeContext,
  memory: () => MemoryBudget,
): Promise<MemoryLimit | undefined> {
  const { jobs, processes, budget } = await readNote(fileOf(context)) ?? {};
  const isWhole = (value: unknown): value is number => Number.isInteger(value) && Number(value) > 0;
  if (!isWhole(jobs) || !isWhole(processes) || !isWhole(budget)) return undefined;
  return memory().bytes > budget * MORE ? undefined : Object.freeze({ jobs, processes, budget });
}

/** Remembers a limit. Only the holder of the output lock may call this. */
export async function rememberLimit(context: KubeContext, limit: MemoryLimit): Promise<void> {
  const file = fileOf(context);
  await ifPossible((async () => {
    await Deno.mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, JSON.stringify(limit));
  })());
}
