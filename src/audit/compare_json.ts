import type { Json } from "../image/mod.ts";

/** Longest value that is shown. */
const MAX_SHOWN = 120;
/** Differences told one by one; more are counted. */
const MAX_TOLD = 12;

/**
 * What differs between two JSON documents, field by field, in words: `config.Env[0]: "A=1" in A,
 * "A=2" in B`. The order of fields does not count. Pure; empty when equal.
 */
export function compareJson(a: Json, b: Json): readonly string[] {
  const found = [...differing(a, b, "")];
  const told = found.slice(0, MAX_TOLD);
  const more = found.length - told.length;
  return Object.freeze(more === 0 ? told : [...told, `and ${more} more fields differ`]);
}

function* differing(a: Json | undefined, b: Json | undefined, path: string): Generator<string> {
  if (isBranch(a) && isBranch(b) && Array.isArray(a) === Array.isArray(b)) {
    const [x, y] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
    for (const key of new Set([...x.keys(), ...y.keys()])) {
      const here = Array.isArray(a) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      yield* differing(x.get(key), y.get(key), here);
    }
    return;
  }
  const [one, other] = [shown(a), shown(b)];
  if (JSON.stringify(a) === JSON.stringify(b)) return;
  yield `${path || "document"}: ${one} in A, ${other} in B`;
}

function isBranch(
  value: Json | undefined,
): value is Exclude<Json, null | string | number | boolean> {
  return typeof value === "object" && value !== null;
}

function shown(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? "none";
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
