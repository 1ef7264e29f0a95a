/** The part of `@std/cli` that kbuild uses, as strict as the original. */
export interface ParseOptions<TStrings extends string = string> {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: boolean | string | readonly string[];
  string?: TStrings | readonly TStrings[];
  collect?: string | readonly string[];
  default?: Record<string, unknown>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** Names that are known to the type checker have a type; the original gives it to "_" as well. */
type Values<TStrings extends string> = string extends TStrings
  // deno-lint-ignore no-explicit-any
  ? Record<string, any>
  : Record<string, unknown> & { [Name in TStrings]?: string };
export type Args<TStrings extends string = string> =
  & { _: (string | number)[]; "--"?: string[] }
  & Values<TStrings>;
export function parseArgs<TStrings extends string = string>(
  args: readonly string[],
  options?: ParseOptions<TStrings>,
): Args<TStrings>;
