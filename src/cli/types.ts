import type { Screen } from "./screen.ts";

/**
 * What is wrong with a value: the reason ("it holds a blank") and what to do; undefined when it is
 * right.
 */
export type ValueCheck = (
  value: string,
) => { readonly reason: string; readonly notes?: readonly string[] } | undefined;

/** A flag of a command line, as data: parser, help and completion read it. */
export interface FlagSpec {
  /** Long name without dashes: `platform`. */
  readonly name: string;
  /** One letter without dash. */
  readonly short?: string;
  /**
   * `boolean` is given or not; `string` and `number` take one value; `list` takes values separated by
   * commas or white space, and may be repeated.
   */
  readonly kind: "boolean" | "string" | "list" | "number";
  /** For `list` alone: a value is not divided, whatever it holds; several are given by repeating. */
  readonly whole?: boolean;
  /** What help calls the value: `DIR`. Default: the choices, `registry|scratch`. */
  readonly placeholder?: string;
  /** The make or environment variable that the flag stands for: `KUBE_BUILD_PLATFORMS`. */
  readonly variable?: string;
  /** One line for help, no final full stop. */
  readonly summary: string;
  /** What holds when it is not given, for help: `_output`, "by memory and processors". */
  readonly default?: string;
  /** The only values that are taken. */
  readonly choices?: readonly string[];
  /** Values beside the choices that are taken, and that completion does not know. */
  readonly otherChoices?: RegExp;
  /** Values of the variable beside the choices: other commands read them, and for this one it is not set. */
  readonly ignoredInVariable?: RegExp;
  /** What else a value must be, beyond its kind. */
  readonly check?: ValueCheck;
  /**
   * For `number` alone: what the flag means without a number; every repeat adds one. A number in
   * the next word belongs to the flag.
   */
  readonly implied?: number;
  /** For `number` alone: only whole numbers from this one on. */
  readonly minimum?: number;
  /** For `number` with a minimum alone: only whole numbers up to this one. */
  readonly maximum?: number;
  /** For `string` alone: what the flag means without a value, which then only comes behind "=". */
  readonly optional?: string;
  /** Left out of help. */
  readonly hidden?: boolean;
  /** Variables without any of which the flag has no effect; each is that of a flag. Else it is refused. */
  readonly needs?: readonly string[];
}

/** A make-style variable, `NAME=value` on the command line. An empty value always passes. */
export interface VariableSpec {
  /** As it is typed: `WHAT`. */
  readonly name: string;
  /** Other names that it stands for: all of `KUBE_<OS>_<ARCH>_CC`. */
  readonly pattern?: RegExp;
  /** One line for help, no final full stop. */
  readonly summary: string;
  /** What holds when it is not set, for help. */
  readonly default?: string;
  /**
   * `string` (default): anything. `boolean`: `y`, `yes`, `true`, `1` or their opposites, either case.
   * `boolean-y`: `y` or `n`, either case, as scripts test with `=~ ^[yY]$`. `boolean-true`: `true` or `false`. `number`: a decimal number. `platforms`:
   * `linux/amd64`, several separated by white space or commas.
   */
  readonly kind?: "string" | "boolean" | "boolean-y" | "boolean-true" | "number" | "platforms";
  /** The only values that are taken. */
  readonly choices?: readonly string[];
  /** Values beside the choices that are taken. */
  readonly otherChoices?: RegExp;
  /** For `number` alone: only whole numbers from this one on, and up to `maximum`. */
  readonly minimum?: number;
  /** For `number` with a minimum alone. */
  readonly maximum?: number;
  /** What else a value must be, beyond its kind. */
  readonly check?: ValueCheck;
}

/** One of the things that a command does, by its first argument: `push` of `kbuild images`. */
export interface ActionSpec {
  /** The argument. */
  readonly name: string;
  /** One line for help, no final full stop. */
  readonly summary: string;
  /** Names of the command's flags that it takes. */
  readonly flags: readonly string[];
  /** How many of the arguments that follow it takes at most; default: any. */
  readonly most?: number;
}

/** A positional argument of a command. */
export interface ArgSpec {
  /** As help writes it: `PACKAGE`. */
  readonly name: string;
  /** What it is, for help. */
  readonly summary: string;
  /** Takes all that follow; only for the last one. */
  readonly variadic?: boolean;
  /** Left out, it is a usage error. */
  readonly required?: boolean;
}

/** What a user typed, checked against a command. */
export interface Input {
  /** The action that was named, else the first; undefined where the command has none. */
  readonly action: string | undefined;
  /** Positional arguments, as they were typed, without the action. */
  readonly args: readonly string[];
  /** `NAME=value` words; of several for one name the last, as in make. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whether a flag is given, of whatever kind. */
  isGiven(name: string): boolean;
  /**
   * True when the flag is given, else undefined.
   *
   * @throws {TypeError} The command has no such boolean flag; the same for the other kinds.
   */
  boolean(name: string): true | undefined;
  /** Value of a `string` flag; undefined when not given. */
  string(name: string): string | undefined;
  /** Values of a `list` flag in the order given, empty ones left out; undefined when not given. */
  list(name: string): readonly string[] | undefined;
  /** Value of a `number` flag; undefined when not given. */
  number(name: string): number | undefined;
}

/** A command: data, and what it does. `C` is what it works on. */
export interface Command<C> {
  /** As Kubernetes names the make target or script: `quick-release`. */
  readonly name: string;
  /** Other names of the same command. */
  readonly aliases?: readonly string[];
  /** Heading in the overview. */
  readonly group: string;
  /** One line for help: capital first letter, no final full stop. */
  readonly summary: string;
  /** Paragraphs separated by empty lines; a line that starts with a space is kept unchanged. */
  readonly description?: string;
  /** What its first argument chooses from; without that argument the first one is meant. */
  readonly actions?: readonly ActionSpec[];
  /** Positional arguments, the action left out; none when left out. */
  readonly args?: readonly ArgSpec[];
  /**
   * The command hands its arguments to another program: from the first positional argument on,
   * nothing is taken for a flag or a variable. `"command line"`: it is a command of kbuild with its
   * arguments, whose flags about how the run is shown count for this run.
   */
  readonly passthrough?: boolean | "command line";
  /** Whether `NAME=value` may have any name, as for make. */
  readonly anyVariables?: boolean;
  /** What to say about a flag that it does not have, and that somebody may look for. */
  readonly flagNotes?: Readonly<Record<string, string>>;
  /** Its own flags; those of every command come on top. */
  readonly flags: readonly FlagSpec[];
  /** The make-style variables it reads, next to those that its flags stand for. */
  readonly variables?: readonly VariableSpec[];
  /** Command lines for help, and what they do. */
  readonly examples: readonly { readonly command: string; readonly does: string }[];
  /** Does it; fails by throwing. */
  run(context: C, input: Input): Promise<void>;
}

/** The data of a command, whatever it works on. */
export type CommandData = Omit<Command<never>, "run">;

/** A page of help that is not about one command: `kbuild help variables`. */
export interface HelpTopic {
  /** The word after `help`. */
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  /** Lines before the sections, as paragraphs. */
  readonly description: string;
  /** What it lists. */
  readonly sections: readonly {
    readonly title: string;
    readonly rows: readonly (readonly [term: string, meaning: string])[];
  }[];
}

/** Where text goes. */
export interface Output {
  /** Takes text as it is; line breaks are in it. */
  write(text: string): void;
  /** Colours and redrawn lines are welcome. */
  readonly terminal?: boolean;
  /** Where lines are redrawn below what is written; undefined without a terminal. */
  readonly screen?: Screen | undefined;
  /** How wide tables may be; undefined: as wide as they are. */
  readonly columns?: number | undefined;
}
