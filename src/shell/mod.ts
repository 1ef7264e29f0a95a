/**
 * The one place that starts other programs.
 *
 * {@linkcode createShell} makes the {@linkcode Shell} that kbuild, its scripts and its tests use. `run`
 * takes an argument list, `$` a command line for scripts, which dax reads. Under both, each program is a
 * process group of its own, its output is streamed or captured, and an error names command, directory,
 * status and last lines.
 *
 * @module
 */
export { createShell, type ShellOptions } from "./shell.ts";
export { InterruptedError, looksOutOfMemory } from "./failure.ts";
export { killGroups } from "./group.ts";
export { quote, quoteCommand } from "./quote.ts";
export { createTail, type Tail } from "./tail.ts";
export {
  CommandError,
  type RunOptions,
  type RunResult,
  type Shell,
  type Start,
  type Template,
  type TemplateResult,
  type TemplateValue,
} from "./types.ts";
