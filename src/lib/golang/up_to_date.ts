import { basename, dirname, join } from "@std/path";
import { digestOfFile } from "../../archive/mod.ts";
import {
  ifPresent,
  isSettled,
  type OwnershipContext,
  readNote,
  writeFileAtomic,
} from "../../files/mod.ts";
import { createHash } from "node:crypto";
import type { KubeContext } from "../init.ts";
import type { Logger } from "../logging.ts";
import { outputOwnership, trackedOutputs } from "../outputs.ts";
import { isSet } from "../util.ts";
import { type PackageFiles, readListed } from "./package_files.ts";
import { type CompileProgress, reportPackages } from "./compile_progress.ts";
import type { Unit } from "../../events/mod.ts";
import type { BuildStep } from "./plan.ts";
import { lookAt, type Looks, requestOf, sourcesOf, type StepSources } from "./sources.ts";

/**
 * What a step was built from, and what came out. `go install` with `-ldflags -buildid=` (1.15-1.20)
 * and `go test -c` link anew each time, because the binary does not say what it was made from; this
 * record says it.
 */
export interface BuildRecord {
  /**
   * Digest of the command, its environment and the build IDs of every package below it; of what came from a
   * store, {@linkcode storedKey}.
   */
  readonly key: string;
  /** Bytes. */
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
  /** What Go said that the step is made of, and when it was asked; undefined where it was not. */
  readonly asked?: { readonly listed: readonly PackageFiles[]; readonly at: number };
}

/** The records of a checkout's outputs, shared by the platforms of one build. */
export interface BuildRecords {
  /** By the path that `go` writes. */
  readonly byPath: Map<string, BuildRecord>;
  /** Absolute path of the file with them. */
  readonly file: string;
  /** By the outputs of a step. */
  readonly sources: Map<string, StepSources>;
  /** Absolute path of the file with those. */
  readonly sourcesFile: string;
  /** Files that were looked at since Go was last started. */
  readonly looks: Looks;
  /** What git tracks in the output directories: asked at the first question. */
  readonly ownership: OwnershipContext;
  /** Milliseconds of `performance.now()` at the oldest of these looks and questions, {@linkcode lookAhead}. */
  readonly lookedAt: number;
}

/**
 * Reads the records (`_output/local/.kbuild/builds.json` and `sources.json`); damaged ones count as none.
 */
export async function openRecords(context: KubeContext): Promise<BuildRecords> {
  const [file, sourcesFile] = ["builds.json", "sources.json"].map((name) =>
    join(context.output, ".kbuild", name)
  ) as [string, string];
  const records = Object.entries(await readNote(file) ?? {}).filter(isRecord);
  const sources = Object.entries(await readNote(sourcesFile) ?? {}).filter(isSources);
  return {
    byPath: new Map(records),
    file,
    sources: new Map(sources),
    sourcesFile,
    looks: new Map(),
    ownership: outputOwnership(context),
    lookedAt: performance.now(),
  };
}

/**
 * Looks at what the outputs of these targets were made of and asks git what it tracks among the outputs, while
 * something else has to be waited for anyway: a build that finds nothing to do needs to know it. Only the holder of
 * the output lock may call this.
 *
 * @param targets `cmd/kubectl`; of any platform.
 */
export async function lookAhead(
  context: KubeContext,
  { sources, looks, ownership }: BuildRecords,
  targets: readonly string[],
): Promise<void> {
  const asking = trackedOutputs(context, ownership);
  const names = new Set(targets.map((target) => basename(target)));
  for (const [name, known] of sources) {
    const isAsked = name.split("\n").every((built) =>
      names.has(basename(built).replace(/\.exe$/, ""))
    );
    if (isAsked) lookAt(known, looks);
  }
  await asking;
}

/** What was seen longer ago than these milliseconds is looked at again. */
const LOOK_MS = 1000;

/** The records without what {@linkcode lookAhead} saw, if that may be too long ago. */
export function freshLooks(context: KubeContext, records: BuildRecords): BuildRecords {
  return performance.now() - records.lookedAt > LOOK_MS
    ? { ...records, looks: new Map(), ownership: outputOwnership(context) }
    : records;
}

function isSources(entry: [string, unknown]): entry is [string, StepSources] {
  const { request, key, identity, directories, paths } = (entry[1] ?? {}) as Partial<StepSources>;
  const isList = (value: unknown) =>
    Array.isArray(value) && value.every((each) => typeof each === "string");
  return [request, key, identity].every((each) => typeof each === "string") &&
    isList(directories) && isList(paths);
}

/** What the sources of a step are known by. */
function nameOf({ outputs }: BuildStep): string {
  return outputs.map(({ built }) => built).join("\n");
}

function isRecord(entry: [string, unknown]): entry is [string, BuildRecord] {
  const { key, size, mtime, sha256 } = (entry[1] ?? {}) as Partial<Record<string, unknown>>;
  return typeof key === "string" && typeof size === "number" && typeof mtime === "number" &&
    typeof sha256 === "string";
}

/**
 * Whether the outputs of a step are what it would make, without asking Go: the request is the last one's, and
 * all files that Go named then are as they were.
 */
export async function isUntouched(records: BuildRecords, step: BuildStep): Promise<boolean> {
  const known = records.sources.get(nameOf(step));
  if (known === undefined || known.request !== await requestOf(step)) return false;
  const { identity } = lookAt(known, records.looks);
  return identity === known.identity && await isMade(records, step, known.key);
}

/** What a record has for outputs that a store had under a key. Go's build IDs cannot be compared with it. */
export function storedKey(key: string): string {
  return `${STORED}${key}`;
}

const STORED = "store ";

function isStored(records: BuildRecords, { outputs }: BuildStep): boolean {
  return outputs.some(({ built }) => records.byPath.get(built)?.key.startsWith(STORED));
}

/** Whether the outputs of a step are there, as made from that key. */
export async function isMade(
  records: BuildRecords,
  step: BuildStep,
  key: string,
): Promise<boolean> {
  const fresh = await Promise.all(step.outputs.map(async ({ built }) => {
    const record = records.byPath.get(built);
    const info = await ifPresent(Deno.stat(built));
    if (record?.key !== key || record.size !== info?.size) return false;
    return record.mtime === info.mtime?.getTime() ||
      record.sha256 === await digestOfFile(built, "sha256");
  }));
  return fresh.length > 0 && fresh.every((isFresh) => isFresh);
}

/**
 * First looks at the files that the step was made of; if all are as they were, Go is not started. Else it
 * asks Go for the build IDs of everything that the step is linked from (`go list -export`, which
 * compiles what has changed and takes the rest from the build cache), and compares with the last
 * run. Build IDs are made from contents, so no change is missed.
 */
export async function checkStep(
  context: KubeContext,
  records: BuildRecords,
  step: BuildStep,
  { unit, signal }: { unit: Unit; signal: AbortSignal },
): Promise<StepCheck> {
  if (step.buildIds === undefined) return { key: undefined, upToDate: false };
  const verify = isSet(context.env[VERIFY]);
  const untouched = await isUntouched(records, step);
  if (untouched && !verify) return { key: undefined, upToDate: true };
  records.looks.clear();
  const at = Date.now();
  const progress = reportPackages(context, step, { unit, signal });
  const report = compileReport(context.log, step.env["GOFLAGS"], progress);
  // Its names of packages change neither what is compiled nor how it is cached.
  const [go = "", list = "", ...words] = step.buildIds;
  const listed = await context.builder.shell.run([go, list, "-v", ...words], {
    cwd: step.cwd,
    env: step.env,
    allowed: "any",
    signal,
    onStderr: report,
  }).finally(progress.end);
  // What does not compile is reported by the build itself, which runs next.
  if (listed.code !== 0) return { key: undefined, upToDate: false };
  const hash = createHash("sha256");
  for (const word of [...step.argv, ...Object.entries(step.shownEnv).flat()]) {
    hash.update(`${word}\0`);
  }
  const key = hash.update(listed.stdout).digest("hex");
  const upToDate = await isMade(records, step, key);
  if (untouched && !upToDate && !isStored(records, step)) {
    context.log.error("kbuild took this for up to date, and Go does not: please report it", [
      ...step.outputs.map(({ name }) => name),
      `Until then, ${VERIFY}=y asks Go each time`,
    ]);
  }
  const asked = { listed: readListed(listed.stdout), at };
  return { key, upToDate, asked };
}

/** Asks Go although all files are as they were: a check of kbuild. */
const VERIFY = "KBUILD_VERIFY";

/** An import path on a line of its own, as `-v` prints it. */
const PACKAGE = /^[^\s:#]+$/;

function hasFlag(goflags: string | undefined, name: "v" | "x"): boolean {
  return new RegExp(`(^|\\s)--?${name}(=(1|t|true))?(\\s|$)`, "i").test(goflags ?? "");
}

/** Whether `GOFLAGS` has `-v` (packages) or `-x` (commands). */
export function isVerbose(goflags: string | undefined): boolean {
  return hasFlag(goflags, "v") || hasFlag(goflags, "x");
}

/**
 * Reports what is compiled while Go is asked, and shows what `-v` (packages) and `-x` (commands) in
 * `GOFLAGS` print: the build, which runs next, finds everything compiled.
 */
function compileReport(
  log: Logger,
  goflags: string | undefined,
  progress: CompileProgress,
): (chunk: Uint8Array) => void {
  const commands = hasFlag(goflags, "x");
  const verbose = isVerbose(goflags);
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    // Errors are not for here: the build reports them.
    for (const line of lines) {
      const isPackage = PACKAGE.test(line);
      if (isPackage) progress.compiles(line);
      if (verbose && (commands || isPackage)) log.info(line);
    }
  };
}

/**
 * Remembers the files that a step was made of, if none can have changed since Go was asked. Only the holder
 * of the output lock may call this.
 */
export async function recordSources(
  context: KubeContext,
  records: BuildRecords,
  step: BuildStep,
  { key, asked }: StepCheck,
): Promise<void> {
  if (key === undefined || asked === undefined) return;
  records.looks.clear();
  const made = await sourcesOf(context, step, asked.listed);
  const seen = lookAt(made);
  const { sources, sourcesFile } = records;
  const name = nameOf(step);
  if (isSettled(seen.newest, asked.at)) {
    sources.set(name, { request: await requestOf(step), key, ...made, identity: seen.identity });
  } else if (!sources.delete(name)) return;
  await Deno.mkdir(dirname(sourcesFile), { recursive: true });
  await writeFileAtomic(sourcesFile, JSON.stringify(Object.fromEntries(sources)));
}

/** Remembers what a step was built from. Only the holder of the output lock may call this. */
export async function recordStep(
  records: BuildRecords,
  step: BuildStep,
  key: string,
): Promise<void> {
  for (const { built } of step.outputs) {
    const info = await Deno.stat(built);
    const sha256 = await digestOfFile(built, "sha256");
    records.byPath.set(built, { key, size: info.size, mtime: info.mtime?.getTime() ?? 0, sha256 });
  }
  const { file } = records;
  await Deno.mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, JSON.stringify(Object.fromEntries(records.byPath), null, 1));
}
