import { expandMakeVariables, type MakeText } from "./make_variables.ts";

/** A Makefile, as far as it can be read without running anything. */
export interface Makefile {
  /**
   * Lines whose conditions hold, apart from assignments: rules, recipes, templates (`define`).
   * Continued lines are joined.
   */
  readonly lines: readonly string[];
  /** All rules, whatever the conditions around them. */
  readonly rules: readonly MakeRule[];
  /** Templates (`define`) by name, of conditions that hold: their lines, as written. */
  readonly templates: ReadonlyMap<string, string>;
  /** Variables by name, as written. */
  readonly variables: ReadonlyMap<string, string>;
  /** A text with the variables filled in. */
  expand(text: string): MakeText;
}

/** A rule of a Makefile. */
export interface MakeRule {
  /** Its targets, as written. */
  readonly targets: readonly string[];
  /** What they need before, as written. */
  readonly prerequisites: readonly string[];
  /** Whether the conditions around it hold. */
  readonly holds: boolean;
  /** Line of the rule, from 1 on. */
  readonly line: number;
  /** What it runs, a command each, continued lines joined; without the prefixes `@`, `-` and `+`. */
  readonly recipe: readonly string[];
  /** Which of those may fail (prefix `-`), by index. */
  readonly mayFail: readonly number[];
}

/** Options of {@linkcode readMakefile}. */
export interface ReadMakefileOptions {
  /** Variables of the environment; assignments win over them, except `?=`. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Variables of the command line, which no assignment changes. */
  readonly overrides?: Readonly<Record<string, string>>;
}

/** `a b: c`, but neither `a := b`, `.PHONY: a` nor `a: X = b`. */
const RULE = /^(?![\t#.])([^:=#]+):(?!=)(?!.*[^=!?:]=)/;
const ASSIGNMENT = /^ *([A-Za-z_][\w-]*)[ \t]*(\?|::?:?)?=[ \t]*(.*)$/;

/**
 * Reads variables (`=`, `:=`, `?=`), conditions and rules. Functions (`$(shell …)`) are empty,
 * `+=` and `include` are passed over, and a template (`define`) assigns nothing.
 */
export function readMakefile(source: string, options: ReadMakefileOptions = {}): Makefile {
  const { overrides = {} } = options;
  const variables = new Map(Object.entries({ ...options.variables, ...overrides }));
  const expand = (text: string) => expandMakeVariables(text, variables);
  const conditions: boolean[] = [];
  const lines: string[] = [];
  const rules: MakeRule[] = [];
  let open: { readonly recipe: string[]; readonly mayFail: number[] } | undefined;
  const templates = new Map<string, string>();
  let template: { readonly name: string; readonly text: string[] } | undefined;

  const readRule = (text: string, line: number): void => {
    if (text.startsWith("\t")) {
      const [prefix = ""] = /^[@+-]*/.exec(text.trim()) ?? [];
      if (prefix.includes("-")) open?.mayFail.push(open.recipe.length);
      open?.recipe.push(text.trim().slice(prefix.length));
      return;
    }
    const found = RULE.exec(text);
    if (found !== null) {
      const words = (list: string) => list.split(/\s+/).filter((word) => word !== "");
      open = { recipe: [], mayFail: [] };
      rules.push({
        targets: words(found[1] ?? ""),
        prerequisites: words(text.slice(found[0].length).replace(/[;#].*$/, "")),
        holds: !conditions.includes(false),
        line,
        ...open,
      });
    } else if (text.trim() !== "" && !text.startsWith("#")) open = undefined;
  };

  for (const { text, line } of logicalLines(source)) {
    readRule(text, line);
    const begun = /^ *define\s+(\S+)/.exec(text);
    if (template !== undefined || begun !== null) {
      const isEnd = /^ *endef\b/.test(text);
      if (template === undefined) template = { name: begun?.[1] ?? "", text: [] };
      else if (!isEnd) template.text.push(text);
      if (isEnd && !conditions.includes(false)) {
        templates.set(template.name, template.text.join("\n"));
      }
      if (isEnd) template = undefined;
      if (!conditions.includes(false)) lines.push(text);
      continue;
    }
    const condition = conditionOf(text, variables, (word) => expand(word).text);
    if (condition !== undefined) conditions.push(condition);
    else if (/^\s*else\b/.test(text)) conditions.push(!conditions.pop());
    else if (/^\s*endif\b/.test(text)) conditions.pop();
    else if (!conditions.includes(false)) {
      const [, name, operator, value = ""] = ASSIGNMENT.exec(text) ?? [];
      if (name === undefined) lines.push(text);
      else if (!Object.hasOwn(overrides, name) && !(operator === "?" && variables.has(name))) {
        variables.set(name, value.replace(/(^|[ \t])#.*$/, "").trim());
      }
    }
  }
  return Object.freeze({
    lines: Object.freeze(lines),
    rules: Object.freeze(rules),
    templates,
    variables,
    expand,
  });
}

/** Lines with those that a `\` continues joined, by the number of the first. */
function* logicalLines(source: string): Iterable<{ text: string; line: number }> {
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of source.split(/\r?\n/).entries()) {
    const text = open === undefined ? raw : `${open.text} ${raw.trimStart()}`;
    const { line } = open ?? { line: index + 1 };
    open = text.endsWith("\\") ? { text: text.slice(0, -1).trimEnd(), line } : undefined;
    if (open === undefined) yield { text, line };
  }
  if (open !== undefined) yield open;
}

/** Whether an `ifeq`, `ifneq`, `ifdef` or `ifndef` holds; undefined for other lines. */
function conditionOf(
  line: string,
  variables: ReadonlyMap<string, string>,
  expand: (text: string) => string,
): boolean | undefined {
  const [, equal = "", left = "", right = ""] =
    /^\s*if(n?eq)\s+\((.*),\s*([^,]*)\)\s*$/.exec(line) ?? [];
  if (equal !== "") return (expand(left).trim() === expand(right).trim()) === (equal === "eq");
  const [, defined = "", name = ""] = /^\s*if(n?def)\s+(\S+)/.exec(line) ?? [];
  if (defined !== "") return ((variables.get(name) ?? "") !== "") === (defined === "def");
  // Other forms count as false.
  return /^\s*ifn?(eq|def)\b/.test(line) ? false : undefined;
}
