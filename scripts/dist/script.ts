import { fromFileUrl } from "@std/path";
import { exitCodeOf, renderError } from "../../src/cli/mod.ts";
import { KbuildError } from "../../src/errors.ts";

/** `--name VALUE` and `--name=VALUE` of a script's command line. */
export interface ScriptFlags {
  /** The last value; undefined when not given. */
  one(name: string): string | undefined;
  /** Every value. */
  all(name: string): readonly string[];
}

/** What a script of this directory works with. */
export interface ScriptContext {
  /** The clone; absolute. */
  readonly root: string;
  /** The import map that the script runs with: `deno.json` or `deno.npm.json`. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  readonly flags: ScriptFlags;
  /** Writes a line of progress to stderr. */
  readonly say: (line: string) => void;
}

/**
 * Reads flags that each take a value.
 *
 * @throws {KbuildError} An argument is not one of them, or a value is missing.
 */
export function readFlags(argv: readonly string[], names: readonly string[]): ScriptFlags {
  const given = new Map<string, string[]>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    const [, name = "", inline] = /^--([^=]+)(?:=([^]*))?$/.exec(word) ?? [];
    const value = inline ?? argv[at + 1];
    if (!names.includes(name) || value === undefined || value === "") {
      throw new KbuildError(
        names.includes(name) ? `The flag "--${name}" needs a value` : `Unknown argument "${word}"`,
        { notes: [`Flags: ${names.map((each) => `--${each}`).join(", ")}`], exitCode: 2 },
      );
    }
    if (inline === undefined) at += 1;
    given.set(name, [...given.get(name) ?? [], value]);
  }
  return {
    one: (name) => given.get(name)?.at(-1),
    all: (name) => given.get(name) ?? [],
  };
}

/** Runs a script: its first argument is the import map, its errors are put into words. */
export async function scriptMain(
  body: (context: ScriptContext) => Promise<void>,
  names: readonly string[],
): Promise<void> {
  const [config = "deno.json", ...argv] = Deno.args;
  const say = (line: string) => console.error(`kbuild: ${line}`);
  const root = fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");
  try {
    const flags = readFlags(argv, names);
    await body({ root, config, env: Deno.env.toObject(), flags, say });
  } catch (error) {
    await Deno.stderr.write(
      new TextEncoder().encode(renderError(error, { debug: false, color: false })),
    );
    Deno.exit(exitCodeOf(error));
  }
}
