/** What a stand-in for a GNU program works with. */
export interface ToolContext {
  /** Directory that it was started in; absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Standard input to its end. */
  readInput(): Promise<Uint8Array>;
  /** Writes to standard output. */
  write(bytes: Uint8Array): Promise<void>;
  /** Writes a line to standard error. */
  warn(line: string): void;
  /**
   * Starts a program with kbuild's standard output and error.
   *
   * @returns Its exit status, or why there is none.
   */
  start(argv: readonly string[]): Promise<number | "missing" | "denied" | "killed">;
}

/** A stand-in; returns the exit status. */
export type Tool = (args: readonly string[], context: ToolContext) => Promise<number>;

/** A form that the stand-in does not have: it is refused, never guessed. */
export class ToolRefusal extends Error {}

/** Encodes text for {@linkcode ToolContext.write}. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Options of a program: what each takes, by all its names. */
export interface OptionSpec {
  /** `d`, `date`; of one option. */
  readonly names: readonly string[];
  /** Whether a value follows; `optional`: only directly behind it. */
  readonly value?: "needed" | "optional";
}

/** What a command line says. */
export interface ParsedOptions {
  /** By the first name, in order: values, "" where there is none. */
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly words: readonly string[];
}

/**
 * Parses options as `getopt_long` does: `-d5`, `-d 5`, `-xd5`, `--date=5`, `--date 5`, `--`.
 *
 * @param program For the message.
 * @param options.stopsAtWord Whether what follows the first word belongs to another program.
 * @throws {ToolRefusal} An option is not one of `specs`.
 */
export function parseOptions(
  program: string,
  args: readonly string[],
  specs: readonly OptionSpec[],
  { stopsAtWord = false }: { stopsAtWord?: boolean } = {},
): ParsedOptions {
  const options: [string, string][] = [];
  const words: string[] = [];
  const take = (name: string, shown: string): OptionSpec => {
    const spec = specs.find(({ names }) => names.includes(name));
    if (spec === undefined) throw new ToolRefusal(`kbuild's ${program} does not have ${shown}`);
    return spec;
  };
  const missing = (shown: string) => new ToolRefusal(`${program}: ${shown} needs a value`);
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
      const spec = take(name, `--${name}`);
      if (equals >= 0 && spec.value === undefined) throw missing(`no value: --${name}`);
      let value = equals < 0 ? "" : arg.slice(equals + 1);
      if (equals < 0 && spec.value === "needed") {
        if (++at >= args.length) throw missing(`--${name}`);
        value = args[at]!;
      }
      options.push([spec.names[0]!, value]);
    } else if (arg.startsWith("-") && arg !== "-") {
      for (let letter = 1; letter < arg.length; letter++) {
        const spec = take(arg[letter]!, `-${arg[letter]}`);
        if (spec.value === undefined) {
          options.push([spec.names[0]!, ""]);
          continue;
        }
        let value = arg.slice(letter + 1);
        if (value === "" && spec.value === "needed") {
          if (++at >= args.length) throw missing(`-${arg[letter]}`);
          value = args[at]!;
        }
        options.push([spec.names[0]!, value]);
        break;
      }
    } else if (stopsAtWord) {
      words.push(...args.slice(at));
      break;
    } else {
      words.push(arg);
    }
  }
  return { options, words };
}
