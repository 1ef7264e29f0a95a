import { dirname, join } from "@std/path";
import { ifPresent, readFileChunks, readNote, writeFileAtomic } from "../../files/mod.ts";
import { createHash } from "node:crypto";
import type { KubeContext } from "../init.ts";
import type { Logger } from "../logging.ts";
import type { BuildStep } from "./plan.ts";

/**
 * What a step was built from, and what came out. `go install` with `-ldflags -buildid=` (1.15-1.20)
 * and `go test -c` link anew each time, because the binary does not say what it was made from; this
 * record says it.
 */
interface BuildRecord {
  /** Digest of the command, its environment and the build IDs of every package below it. */
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** Digest of the file, for when only its time has changed: `make` links the same bytes anew. */
  readonly sha256: string;
}

/** What is known of a step before it runs. */
export interface StepCheck {
  /** Undefined when Go cannot say what the step would be built from. */
  readonly key: string | undefined;
  readonly upToDate: boolean;
}

/** The records of a checkout's outputs, shared by the platforms of one build. */
export interface BuildRecords {
  /** By the path that `go` writes. */
  readonly byPath: Map<string, BuildRecord>;
  readonly file: string;
}

/** Reads the records (`_output/local/.kbuild/builds.json`); damaged ones count as none. */
export async function openRecords(context: KubeContext): Promise<BuildRecords> {
  const file = join(context.output, ".kbuild", "builds.json");
  const records = Object.entries(await readNote(file) ?? {}).filter(isRecord);
  return { byPath: new Map(records), file };
}

function isRecord(entry: [string, unknown]): entry is [string, BuildRecord] {
  const { key, size, mtime, sha256 } = (entry[1] ?? {}) as Partial<Record<string, unknown>>;
  return typeof key === "string" && typeof size === "number" && typeof mtime === "number" &&
    typeof sha256 === "string";
}

/**
 * Asks Go for the build IDs of everything that the step is linked from (`go list -export`, which
 * compiles what has changed and takes the rest from the build cache), and compares with the last
 * run. Build IDs are made from contents, so no change is missed.
 */
export async function checkStep(
  context: KubeContext,
  records: BuildRecords,
  step: BuildStep,
  signal: AbortSignal,
): Promise<StepCheck> {
  if (step.buildIds === undefined) return { key: undefined, upToDate: false };
  const report = compileReport(context.log, step.env["GOFLAGS"]);
  const listed = await context.shell.run(step.buildIds, {
    cwd: step.cwd,
    env: step.env,
    allowed: "any",
    signal,
    ...report === undefined ? {} : { onStderr: report },
  });
  // What does not compile is reported by the build itself, which runs next.
  if (listed.code !== 0) return { key: undefined, upToDate: false };
  const hash = createHash("sha256");
  for (const word of [...step.argv, ...Object.entries(step.shownEnv).flat()]) {
    hash.update(`${word}\0`);
  }
  const key = hash.update(listed.stdout).digest("hex");
  const fresh = await Promise.all(step.outputs.map(async ({ built }) => {
    const record = records.byPath.get(built);
    const info = await ifPresent(Deno.stat(built));
    if (record?.key !== key || record.size !== info?.size) return false;
    return record.mtime === info.mtime?.getTime() || record.sha256 === await fileDigest(built);
  }));
  return { key, upToDate: fresh.length > 0 && fresh.every((isFresh) => isFresh) };
}

/**
 * Shows what `-v` (packages) and `-x` (commands) in `GOFLAGS` print while the question compiles: the
 * build, which runs next, finds everything compiled. Undefined without either flag.
 */
function compileReport(
  log: Logger,
  goflags: string | undefined,
): ((chunk: Uint8Array) => void) | undefined {
  const has = (name: string) =>
    new RegExp(`(^|\\s)--?${name}(=(1|t|true))?(\\s|$)`, "i").test(goflags ?? "");
  const commands = has("x");
  if (!commands && !has("v")) return undefined;
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    // Errors are not for here: the build reports them.
    for (const line of lines) if (commands || /^[^\s:#]+$/.test(line)) log.info(line);
  };
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readFileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Remembers what a step was built from. Only the holder of the output lock may call this. */
export async function recordStep(
  records: BuildRecords,
  step: BuildStep,
  key: string,
): Promise<void> {
  for (const { built } of step.outputs) {
    const info = await Deno.stat(built);
    const sha256 = await fileDigest(built);
    records.byPath.set(built, { key, size: info.size, mtime: info.mtime?.getTime() ?? 0, sha256 });
  }
  const { file } = records;
  await Deno.mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, JSON.stringify(Object.fromEntries(records.byPath), null, 1));
}
