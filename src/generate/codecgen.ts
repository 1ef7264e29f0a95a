import { dirname } from "@std/path";
import { CODECGEN, type CodegenCall } from "../checkout/mod.ts";

/**
 * Whether a generator compiles the package that it generates for, with what that imports, and runs it: up to 1.8 codecgen
 * starts `go run` in the directory of the package.
 */
export function startsGo({ program }: Pick<CodegenCall, "program">): boolean {
  return program === CODECGEN;
}

/**
 * Packages that the programs a generator compiles have from elsewhere, and that decide over what it writes: codecgen is a
 * part of the package that knows how to write methods (`-c`; v1.7.3: vendor/github.com/ugorji/go/codec/codecgen/gen.go).
 *
 * @param tools Packages by the programs that are built from them.
 */
export function compiledLibraries(
  { program, args }: Pick<CodegenCall, "program" | "args">,
  tools: Readonly<Record<string, string>>,
): readonly string[] {
  if (!startsGo({ program })) return [];
  const named = args.indexOf("-c");
  return [named < 0 ? dirname(tools[program] ?? program) : args[named + 1] ?? ""];
}
