import { join, relative } from "@std/path";
import { ifPresent, readText } from "../files/mod.ts";
import { type MakeRule, readMakefile } from "./makefile.ts";

/** A rule of a checkout's Makefile. */
export interface MakeTarget extends Pick<MakeRule, "line" | "recipe"> {
  /** The Makefile, from the root: `build/root/Makefile`. */
  readonly path: string;
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
  const found = readMakefile(text).rules.filter(({ targets }) => targets.includes(name));
  const rule = found.findLast(({ recipe }) => recipe.length > 0) ?? found[0];
  if (rule === undefined) return undefined;
  const { line, recipe } = rule;
  return Object.freeze({ path: real.startsWith("..") ? "Makefile" : real, line, recipe });
}
