import { CommandError, looksOutOfMemory } from "../../shell/mod.ts";
import type { BuildStep } from "./plan.ts";

/**
 * Adds the way out to the failure of a `go` that builds: a C compiler that is missing, or too little
 * memory.
 *
 * @param jobs How many platforms were built at once.
 * @returns The error as it was if there is nothing to add.
 */
export function explainFailure(error: unknown, step: BuildStep, jobs: number): unknown {
  if (!(error instanceof CommandError)) return error;
  const compiler = compilerNote(error, step);
  const memory = compiler === undefined ? memoryNote(error, jobs) : undefined;
  const note = compiler ?? memory ?? sourcesNote(error);
  if (note === undefined) return error;
  return new CommandError(error.message, {
    argv: error.argv,
    cwd: error.cwd,
    code: error.code,
    signal: error.signal,
    tail: error.tail,
    output: error.output,
    notes: [...error.notes, note],
    subject: compiler === undefined ? error.subject : "compiler",
    cause: error,
  });
}

function compilerNote({ tail }: CommandError, step: BuildStep): string | undefined {
  const text = tail.join("\n");
  const isMissing = /C compiler .* not found|exec: .*: executable file not found/.test(text);
  if (!isMissing || step.kind === "static") return undefined;
  const names = step.outputs.map((output) => output.name).join(" ");
  return `Install the C compiler "${step.env["CC"] ?? "gcc"}", ` +
    `or build without cgo: KUBE_STATIC_OVERRIDES="${names}"`;
}

/** Go reports errors of sources with 1, up to 1.19 with 2. */
function sourcesNote({ code, subject }: CommandError): string | undefined {
  return (code === 1 || code === 2) && subject === undefined
    ? "Mend what go reports, then run the same command again: finished programs are not built again"
    : undefined;
}

function memoryNote(error: CommandError, jobs: number): string | undefined {
  if (!looksOutOfMemory(error)) return undefined;
  // Of one platform go itself compiles and links as many packages at once as there are processors.
  return jobs > 1
    ? `Build fewer platforms at once: --jobs ${jobs - 1}`
    : "Let go build fewer packages at once, GOMAXPROCS=1 in the environment, or fewer targets: WHAT=";
}
