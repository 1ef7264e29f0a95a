import { join, relative } from "@std/path";
import { ifPresent, readText } from "../files/mod.ts";

/** A rule of a Makefile. */
export interface MakeTarget {
  /** The Makefile, from the root: `build/root/Makefile`. */
  readonly path: string;
  /** Line of the rule, from 1 on. */
  readonly line: number;
  /** What the rule runs, a command each, continued lines joined. */
  readonly recipe: readonly string[];
}

/**
 * Finds the rule of a target in the Makefile of a checkout. Of several (one prints help, the other does
 * the work) the last one with a recipe counts.
 *
 * @returns Undefined where no rule names the target.
 */
export async function findMakeTarget(root: string, name: string): Promise<MakeTarget | undefined> {
  const file = join(root, "Makefile");
  const text = await ifPresent(readText(file));
  if (text === undefined) return undefined;
  const real = relative(root, await Deno.realPath(file));
  const found = rulesOf(text).filter(({ names }) => names.includes(name));
  const rule = found.findLast(({ recipe }) => recipe.length > 0) ?? found[0];
  if (rule === undefined) return undefined;
  const { line, recipe } = rule;
  return Object.freeze({ path: real.startsWith("..") ? "Makefile" : real, line, recipe });
}

interface Rule {
  readonly names: readonly string[];
  readonly line: number;
  readonly recipe: string[];
}

/** `a b: c`, but neither `a := b` nor `.PHONY: a`. */
const RULE = /^(?![\t#.])([^:=#]+):(?!=)(?!.*[^=!?:]=)/;

function rulesOf(text: string): readonly Rule[] {
  const rules: Rule[] = [];
  let open: Rule | undefined;
  let isContinued = false;
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.startsWith("\t")) {
      const command = line.trim().replace(/\\$/, "").trim();
      if (isContinued && open !== undefined) open.recipe.push(`${open.recipe.pop()} ${command}`);
      else open?.recipe.push(command.replace(/^[@+-]+/, ""));
      isContinued = line.endsWith("\\");
      return;
    }
    isContinued = false;
    const names = RULE.exec(line)?.[1]?.trim().split(/\s+/);
    if (names === undefined) {
      if (line.trim() !== "" && !line.startsWith("#")) open = undefined;
      return;
    }
    open = { names, line: i + 1, recipe: [] };
    rules.push(open);
  });
  return rules;
}
