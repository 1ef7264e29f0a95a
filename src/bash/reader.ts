import type { BashCommands } from "./builtins.ts";
import { BashEvaluator } from "./evaluator.ts";
import { parseBash } from "./parser.ts";
import type { BashScript, Diagnostic } from "./syntax.ts";

/** A script's text and the path it is known by. */
export interface BashSource {
  /** Path as diagnostics and sources name it. */
  readonly path: string;
  /** The script. */
  readonly text: string;
}

/** Environment of the scripts, and limits. */
export interface BashContext {
  /** The environment. */
  variables: Readonly<Record<string, string>>;
  /** Values that no assignment in a script changes: `OSTYPE`. */
  constants?: Readonly<Record<string, string>>;
  /** Text of a file for `$(cat FILE)`, `< FILE` and `source FILE`; undefined: unavailable. */
  readFile?: (path: string) => string | undefined;
  /**
   * Told of each command that is neither a function nor understood (`cp`, `mkdir`), which shows
   * what a script would do. True: it counts as done; false: it is unsupported.
   */
  onCommand?: (name: string, args: readonly string[]) => boolean;
  /** Commands to run at most, all calls together: 20 000 unless given. Real scripts take hundreds. */
  maxSteps?: number;
}

/** Options of {@linkcode readBash}. */
export interface ReadBashOptions extends BashContext {
  /** Scripts, sourced one after the other. */
  files: readonly BashSource[];
  /** Commands beside those of bash. */
  commands?: BashCommands;
}

/** Values of scripts that were read. Unknown values are undefined. */
export interface BashReader {
  /** A scalar's value. */
  get(name: string): string | undefined;
  /** An array's elements. */
  array(name: string): readonly string[] | undefined;
  /** The variables that the scripts have assigned, functions' own not among them. */
  readonly names: readonly string[];
  /** Where a variable was last assigned; undefined for the environment's. */
  source(name: string): { path: string; line: number } | undefined;
  /** Where a function is defined. */
  functionSource(name: string): { path: string; line: number } | undefined;
  /** What a function prints, as `$(name args)`; undefined when unknown. Changes no variable. */
  call(name: string, args?: readonly string[]): string | undefined;
  /** Why a variable's value, or the last {@linkcode BashReader.call} of a function, is unknown. */
  why(name: string): Diagnostic | undefined;
  /** Everything that was not understood. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads scripts as if they were sourced. Never throws and never hangs on any text: what is not
 * understood makes the variables that depend on it unknown, and is listed in `diagnostics`.
 */
export function readBash(options: ReadBashOptions): BashReader {
  return readScripts(options.files.map(scriptOf), options, options.commands);
}

const parsed = new WeakMap<BashSource, BashScript>();

/** Parses a script, once for each {@linkcode BashSource}. */
export function scriptOf(source: BashSource): BashScript {
  let script = parsed.get(source);
  if (script === undefined) parsed.set(source, script = parseBash(source.path, source.text));
  return script;
}

/** As {@linkcode readBash}, for scripts that were parsed before and may be read again and again. */
export function readScripts(
  scripts: readonly BashScript[],
  context: BashContext,
  commands?: BashCommands,
): BashReader {
  const { variables, constants = {}, readFile = () => undefined } = context;
  const { maxSteps = 20_000, onCommand } = context;
  const options = { variables, constants, readFile, commands, maxSteps, onCommand };
  const evaluator = new BashEvaluator(options);
  for (const script of scripts) evaluator.runScript(script);
  const failedCalls = new Map<string, Diagnostic>();

  function value(name: string): string | readonly string[] | undefined {
    return evaluator.state.get(name)?.value;
  }

  return Object.freeze({
    get(name: string): string | undefined {
      const found = value(name);
      return typeof found === "string" ? found : undefined;
    },
    array(name: string): readonly string[] | undefined {
      const found = value(name);
      return found === undefined || typeof found === "string"
        ? undefined
        : Object.freeze([...found]);
    },
    get names(): readonly string[] {
      return Object.freeze(evaluator.state.assigned());
    },
    source(name: string): { path: string; line: number } | undefined {
      const variable = evaluator.state.get(name);
      return variable?.path === undefined
        ? undefined
        : { path: variable.path, line: variable.line };
    },
    functionSource(name: string): { path: string; line: number } | undefined {
      const found = evaluator.state.functions.get(name);
      return found === undefined ? undefined : { path: found.path, line: found.body.line };
    },
    call(name: string, args: readonly string[] = []): string | undefined {
      const result = evaluator.callFunction(name, args);
      if (typeof result === "string") return result;
      failedCalls.set(name, result);
      return undefined;
    },
    why(name: string): Diagnostic | undefined {
      return evaluator.state.get(name)?.unknown ?? failedCalls.get(name);
    },
    get diagnostics(): readonly Diagnostic[] {
      return Object.freeze([...evaluator.diagnostics]);
    },
  });
}
