/**
 * The command line: commands as data, a parser for flags and make-style variables, help made from
 * the data, and the one place where errors are put into words. It knows nothing of Kubernetes.
 *
 * @module
 */

export type {
  ActionSpec,
  ArgSpec,
  Command,
  CommandData,
  FlagSpec,
  HelpTopic,
  Input,
  Output,
  ValueCheck,
  VariableSpec,
} from "./types.ts";
export { DRY_RUN_FLAG, GLOBAL_FLAGS, TOP_FLAGS, VERBOSE_VARIABLE } from "./flags.ts";
export { parseInput, type ParseInputOptions } from "./parse.ts";
export {
  checkEnvironment,
  checkVariable,
  type KnownVariables,
  misspeltVariables,
  resolve,
  type Resolved,
  splitList,
  undecidedVariables,
  variablesOf,
} from "./variables.ts";
export { type Fallback, findCommand, rootOf } from "./lookup.ts";
export { type Candidate, completeWords, type CompletionSources } from "./complete.ts";
export { COMPLETION_SHELLS, completionScript } from "./completion_scripts.ts";
export { wrap } from "./layout.ts";
export {
  argumentDefinitions,
  commandHelp,
  flagDefinition,
  flagDefinitions,
  HELP_COMMAND,
  type HelpData,
  helpJson,
  overview,
  type OverviewOptions,
  shortHelp,
  topicHelp,
  usageOf,
  variableDefinition,
  VARIABLES_TOPIC,
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
