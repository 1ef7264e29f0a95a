import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { TOP_FLAGS } from "./flags.ts";
import { scan } from "./scan.ts";
import type { Command, FlagSpec } from "./types.ts";

/**
 * A command for a name that is not listed, as `kbuild kubectl`; it may throw.
 *
 * @param root `--root` as given, before or after the name; undefined when it is not.
 */
export type Fallback<C> = (
  name: string,
  root: string | undefined,
) => Command<C> | undefined | Promise<Command<C> | undefined>;

/** `--root` of a command line, wherever it is; undefined when it has none, or an empty one. */
export function rootOf(argv: readonly string[]): string | undefined {
  return commonFlag(argv, "root");
}

/** The value of a flag of every command, wherever it is in a command line; undefined as for `--root`. */
export function commonFlag(argv: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const token of scan(argv, TOP_FLAGS)) {
    if (token.kind === "flag" && token.spec?.name === name) value ??= token.value || undefined;
  }
  return value;
}

/** The command line, cut at the name of the command. */
export interface SplitArgv {
  /** Undefined: the line has flags and variables alone. */
  readonly name: string | undefined;
  /** Arguments before the name: flags of every command, variables. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/**
 * Finds the name of the command: the first word that is neither flag nor variable.
 *
 * @param flags The flags that may come before the name.
 * @throws {UsageError} Another flag comes before the name.
 */
export function splitArgv(argv: readonly string[], flags: readonly FlagSpec[]): SplitArgv {
  const unknown: string[] = [];
  let name: string | undefined;
  let [start, end] = [argv.length, argv.length];
  for (const token of scan(argv, flags)) {
    if (token.kind === "flag" && token.spec === undefined) unknown.push(token.text);
    if (token.kind !== "positional") continue;
    ({ text: name, start, end } = token);
    break;
  }
  const [flag] = unknown;
  if (flag !== undefined) {
    const typed = flag.split("=", 1)[0] ?? flag;
    const near = nearest(typed.replace(/^-+/, ""), flags.map((spec) => spec.name));
    throw new UsageError(
      `Unknown flag "${typed}"${name === undefined ? "" : ` before "${name}"`}`,
      [
        ...didYouMean(near.map((word) => `--${word}`)),
        `Flags of a command follow its name: kbuild ${name ?? "COMMAND"} ${flag}`,
        '"kbuild help" lists the flags that every command takes',
      ],
    );
  }
  return Object.freeze({
    name,
    before: Object.freeze(argv.slice(0, start)),
    after: Object.freeze(argv.slice(end)),
  });
}

/**
 * The command of that name or alias, else what `fallback` makes of it.
 *
 * @param root `--root`, for `fallback`.
 * @throws {UsageError} There is none; names the nearest.
 */
export async function findCommand<C>(
  name: string,
  commands: readonly Command<C>[],
  fallback?: Fallback<C>,
  root?: string,
): Promise<Command<C>> {
  const found =
    commands.find((command) => command.name === name || command.aliases?.includes(name) === true) ??
      await fallback?.(name, root);
  if (found !== undefined) return found;
  const names = commands.flatMap((command) => [command.name, ...command.aliases ?? []]);
  throw new UsageError(`Unknown command "${name}"`, [
    ...didYouMean(nearest(name, [...names, "help"], 3)),
    '"kbuild help" lists the commands',
  ]);
}
