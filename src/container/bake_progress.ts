import { objectIn } from "../files/mod.ts";

/** What happens to a step of a bake. */
export type BakeEvent =
  /** It runs. */
  | { readonly kind: "start"; readonly step: string }
  /** Its program wrote that. */
  | { readonly kind: "output"; readonly step: string; readonly chunk: Uint8Array }
  /** It has ended. */
  | {
    readonly kind: "end";
    readonly step: string;
    /** Whether its node, or the registry, had the result. */
    readonly cached: boolean;
    /** Undefined if it is there. */
    readonly error: string | undefined;
  }
  /** Something else is at work: what, for people. */
  | { readonly kind: "other"; readonly text: string }
  /** BuildKit's own warning or error about something else. */
  | { readonly kind: "failure"; readonly text: string };

/** The `RUN` of a stage: `[node-1 step-3 5/5] RUN …`. */
const RUN = /^\[(?:[^\]]* )?(step-\d+) +\d+\/\d+\] RUN /;

/**
 * Reads what `buildx --progress=rawjson` writes, as it comes: statuses of vertices, one JSON value a line
 * (`SolveStatus` in client/graph.go of BuildKit).
 *
 * @param take Takes what happens to steps.
 * @returns Takes bytes; `rest` has lines other than JSON: buildx's own words.
 */
export function readBake(
  take: (event: BakeEvent) => void,
): { push: (chunk: Uint8Array) => void; readonly rest: readonly string[] } {
  const decoder = new TextDecoder();
  const steps = new Map<string, string>();
  const started = new Set<string>();
  const ended = new Set<string>();
  const rest: string[] = [];
  let buffered = "";

  function vertex(value: Record<string, unknown>): void {
    const { cached, completed, digest, error, name, started: at } = value;
    if (typeof digest !== "string" || typeof name !== "string") return;
    const step = RUN.exec(name)?.[1];
    const isNew = typeof at === "string" && !started.has(digest);
    if (isNew) started.add(digest);
    if (step === undefined) {
      if (isNew && cached !== true) take({ kind: "other", text: name });
      if (typeof error === "string" && error !== "") take({ kind: "failure", text: error });
      return;
    }
    steps.set(digest, step);
    if (isNew && cached !== true) take({ kind: "start", step });
    if (typeof completed !== "string" || ended.has(digest)) return;
    ended.add(digest);
    const failure = typeof error === "string" && error !== "" ? error : undefined;
    take({ kind: "end", step, cached: cached === true, error: failure });
  }

  function log(value: Record<string, unknown>): void {
    const { data, vertex: digest } = value;
    const step = typeof digest === "string" ? steps.get(digest) : undefined;
    if (step === undefined || typeof data !== "string") return;
    take({ kind: "output", step, chunk: Uint8Array.fromBase64(data) });
  }

  function line(text: string): void {
    const value = objectIn(text);
    if (value === undefined) {
      if (text.trim() !== "") rest.push(text);
      // Bounded: a builder may say anything.
      if (rest.length > 200) rest.shift();
      return;
    }
    for (const each of listOf(value["vertexes"])) vertex(each);
    for (const each of listOf(value["logs"])) log(each);
  }

  return {
    rest,
    push(chunk) {
      const lines = (buffered + decoder.decode(chunk, { stream: true })).split("\n");
      buffered = lines.pop() ?? "";
      for (const text of lines) line(text);
    },
  };
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value)
    ? value.filter((each) => typeof each === "object" && each !== null)
    : [];
}
