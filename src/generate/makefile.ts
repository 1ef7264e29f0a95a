import { expandMakeVariables } from "../checkout/mod.ts";

/** A makefile, as far as it can be read without running anything. */
export interface Makefile {
  /** The text of a variable, variables in it filled in; undefined where it is missing or no text. */
  text(name: string): string | undefined;
  /** A variable as it is written. */
  raw(name: string): string | undefined;
  /** The recipe of the rule for a target, `\` at line ends removed; undefined without a rule. */
  recipe(target: string): string | undefined;
  /** The whole makefile, lines that a `\` divides joined. */
  readonly lines: readonly string[];
}

const ASSIGNMENT = /^ *([A-Za-z_][\w-]*)[ \t]*(?:::?:?|\?)?=[ \t]*(.*)$/;

/**
 * Reads variables and rules. Assignments under a condition (`ifeq`) and in templates (`define`) are
 * passed over; of several, the last counts, as in make.
 *
 * @param given Variables of the makefile that calls this one.
 */
export function readMakefile(source: string, given: Readonly<Record<string, string>>): Makefile {
  const lines = source.replace(/\\\r?\n/g, " ").split(/\r?\n/);
  const variables = new Map(Object.entries(given));
  let hidden = 0;
  for (const line of lines) {
    if (/^ *(ifn?eq|ifn?def|define)\b/.test(line)) hidden++;
    else if (/^ *(endif|endef)\b/.test(line)) hidden = Math.max(0, hidden - 1);
    else if (hidden === 0) {
      const [, name, value] = ASSIGNMENT.exec(line) ?? [];
      if (name !== undefined && value !== undefined) {
        variables.set(name, value.replace(/(^|[ \t])#.*$/, "").trim());
      }
    }
  }

  return Object.freeze({
    lines: Object.freeze(lines),
    raw: (name: string) => variables.get(name),
    text(name: string): string | undefined {
      const { text, isComplete } = expandMakeVariables(`$(${name})`, variables);
      return isComplete && !text.includes("$(") ? text : undefined;
    },
    recipe(target: string): string | undefined {
      const found: string[] = [];
      for (let at = 0; at < lines.length; at++) {
        const line = lines[at] ?? "";
        if (!line.startsWith(`${target}:`) || /^[^:]*:+=/.test(line)) continue;
        for (let next = at + 1; /^\t/.test(lines[next] ?? ""); next++) {
          found.push((lines[next] ?? "").slice(1));
        }
      }
      return found.length === 0 ? undefined : found.join("\n");
    },
  });
}
