/**
 * The command line: commands as data, a parser for flags and make-style variables, help made from
 * the data, and the one place where errors are put into words. It knows nothing of Kubernetes.
 *
 * @module
 */

export type { Command, CommandData, FlagSpec, HelpTopic, Input, VariableSpec } from "./types.ts";
export {
  DRY_RUN_FLAG,
  PROGRESS_VARIABLE,
  TIMINGS_PAGE,
  TOP_FLAGS,
  VERBOSE_VARIABLE,
} from "./flags.ts";
export { parseInput } from "./parse.ts";
export {
  checkEnvironment,
  checkNeeds,
  checkVariable,
  misspeltVariables,
  resolve,
  splitList,
  undecidedVariables,
  variablesOf,
} from "./variables.ts";
export { findCommand, rootOf } from "./lookup.ts";
export { type Candidate, completeWords } from "./complete.ts";
export { COMPLETION_SHELLS, completionScript } from "./completion_scripts.ts";
export { cutStart, cutTo, pad, widthOf, wrap } from "./layout.ts";
export { createScreen, type Screen, type Size, sizeOf } from "./screen.ts";
export {
  argumentDefinitions,
  commandHelp,
  flagDefinition,
  flagDefinitions,
  HELP_COMMAND,
  helpJson,
  overview,
  shortHelp,
  topicHelp,
  usageOf,
  variableDefinition,
  VARIABLES_TOPIC,
} from "./help.ts";
export { renderTable, type TableOptions } from "./table.ts";
export { exitCodeOf, renderError } from "./report.ts";
export { type CliOptions, type Globals, runCli, type StandardInput } from "./run.ts";
export { writeAllSync } from "./write_all.ts";
