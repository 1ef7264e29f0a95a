/**
 * The one place that starts other programs.
 *
 * {@linkcode createShell} makes the {@linkcode Shell} that kbuild itself uses: an argument list in,
 * a process group, its output streamed or captured, an error that names command, directory, status
 * and last lines. {@linkcode dollar} makes a dax `$` on the same ground for scripts.
 *
 * @module
 */
export { createShell, InterruptedError, looksOutOfMemory, type ShellOptions } from "./shell.ts";
export { killGroups } from "./group.ts";
export { type Dollar, dollar, type DollarOptions } from "./dollar.ts";
export { quote, quoteCommand } from "./quote.ts";
export { createTail, type Tail } from "./tail.ts";
export { CommandError, type RunOptions, type RunResult, type Shell, type Start } from "./types.ts";
