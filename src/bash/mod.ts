/**
 * A small, safe interpreter of bash. It works on text alone: it starts no program and opens no file
 * except through `readFile`, always ends, and marks as unknown what depends on anything that it does
 * not understand. Commands beside those of bash are handed in as {@linkcode BashCommands}.
 *
 * @module
 */

export { type BashCommands, type Builtin, type BuiltinHost, readArray } from "./builtins.ts";
export { BashEvaluator } from "./evaluator.ts";
export { parseBash } from "./parser.ts";
export {
  type BashContext,
  type BashReader,
  type BashSource,
  readBash,
  type ReadBashOptions,
  readScripts,
  scriptOf,
} from "./reader.ts";
export type { BashState, Variable } from "./state.ts";
export type { BashScript, Diagnostic } from "./syntax.ts";
