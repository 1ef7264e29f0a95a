/**
 * The command line: commands as data, a parser for flags and make-style variables, help made from
 * the data, and the one place where errors are put into words. It knows nothing of Kubernetes.
 *
 * @module
 */

export type {
  ArgSpec,
  Command,
  CommandData,
  FlagSpec,
  Input,
  Output,
  VariableSpec,
} from "./types.ts";
export { DRY_RUN_FLAG, GLOBAL_FLAGS, TOP_FLAGS, VERBOSE_VARIABLE } from "./flags.ts";
export { parseInput, type ParseInputOptions } from "./parse.ts";
export { checkVariable, resolve, type Resolved, splitList, variablesOf } from "./variables.ts";
export { type Fallback, findCommand } from "./lookup.ts";
export { type Candidate, completeWords, type CompletionSources } from "./complete.ts";
export { COMPLETION_SHELLS, completionScript } from "./completion_scripts.ts";
export { wrap } from "./layout.ts";
export {
  commandHelp,
  flagDefinition,
  HELP_COMMAND,
  helpJson,
  overview,
  shortHelp,
  usageOf,
  variableDefinition,
} from "./help.ts";
export { checkCommands } from "./check.ts";
export { renderTable, type TableOptions } from "./table.ts";
export {
  type ErrorCode,
  errorJson,
  exitCodeOf,
  renderError,
  type RenderErrorOptions,
} from "./report.ts";
export { type CliOptions, type Globals, runCli } from "./run.ts";
export { type SyncStream, type WriteAllOptions, writeAllSync } from "./write_all.ts";
