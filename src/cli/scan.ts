import type { FlagSpec } from "./types.ts";

/** One word of a command line, or a flag together with its value. */
export type Token =
  & {
    /** Where the word starts in the command line. */
    readonly start: number;
    /** The first word behind it. */
    readonly end: number;
  }
  & (
    | {
      readonly kind: "flag";
      /** The word as it was typed. */
      readonly text: string;
      /** Undefined: no such flag. */
      readonly spec: FlagSpec | undefined;
      /** Undefined: none was given. */
      readonly value: string | undefined;
    }
    | { readonly kind: "variable"; readonly name: string; readonly value: string }
    | { readonly kind: "positional"; readonly text: string }
  );

const VARIABLE = /^([A-Z_][A-Z0-9_]*)=(.*)$/s;
/** A word without white space that begins like a flag: no value unless joined by "=". */
const FLAG_LIKE = /^--?[A-Za-z]\S*$/;

function takesNext(spec: FlagSpec, next: string | undefined): next is string {
  if (next === undefined || spec.kind === "boolean" || next === "--") return false;
  if (spec.optional !== undefined) return false;
  if (spec.implied !== undefined) return /^\d+$/.test(next);
  return !FLAG_LIKE.test(next);
}

/**
 * Cuts a command line into flags, variables and positional arguments, without judging any.
 *
 * - `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, and several short flags in one
 *   word are understood. A value that looks like a flag (`-trimpath`) needs the form with "=";
 *   one with white space in it (`-N -l`) does not.
 * - `NAME=value` is a variable wherever a flag may be.
 * - After `--`, everything is positional.
 *
 * @param passthrough After the first positional argument everything is positional.
 */
export function* scan(
  argv: readonly string[],
  flags: readonly FlagSpec[],
  { passthrough = false }: { passthrough?: boolean } = {},
): Generator<Token> {
  const long = new Map(flags.map((flag) => [flag.name, flag]));
  const short = new Map(flags.map((flag) => [flag.short, flag]));
  let verbatim = false;

  for (let i = 0; i < argv.length;) {
    const start = i++;
    const text = argv[start] ?? "";
    if (verbatim) {
      yield { kind: "positional", text, start, end: i };
      continue;
    }
    if (text === "--") {
      verbatim = true;
      continue;
    }
    const variable = VARIABLE.exec(text);
    if (variable !== null) {
      const [, name = "", value = ""] = variable;
      yield { kind: "variable", name, value, start, end: i };
      continue;
    }
    if (!text.startsWith("-") || text === "-") {
      verbatim = passthrough;
      yield { kind: "positional", text, start, end: i };
      continue;
    }
    if (text.startsWith("--")) {
      const equals = text.indexOf("=");
      const spec = long.get(text.slice(2, equals === -1 ? undefined : equals));
      let value = equals === -1 ? undefined : text.slice(equals + 1);
      if (value === undefined && spec !== undefined && takesNext(spec, argv[i])) value = argv[i++];
      yield { kind: "flag", text, spec, value, start, end: i };
      continue;
    }
    for (let rest = text.slice(1); rest !== "";) {
      const spec = short.get(rest.slice(0, 1));
      rest = rest.slice(1);
      let value: string | undefined;
      if (spec === undefined) {
        rest = "";
      } else if (rest.startsWith("=")) {
        [value, rest] = [rest.slice(1), ""];
      } else if (spec.kind !== "boolean" && rest !== "") {
        const counted = spec.implied !== undefined && !/^\d+$/.test(rest);
        if (!counted) [value, rest] = [rest, ""];
      } else if (rest === "" && takesNext(spec, argv[i])) {
        value = argv[i++];
      }
      yield { kind: "flag", text, spec, value, start, end: i };
    }
  }
}
