import { systemCode } from "../errors.ts";
import type { ToolContext } from "./types.ts";

/** What a program reads. */
export interface ToolInput {
  /** As it was named; `-` is standard input. */
  readonly name: string;
  /** Absolute; undefined: standard input. */
  readonly path: string | undefined;
  readonly bytes: Uint8Array;
}

/** The system's words, as GNU programs print them. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EISDIR: "Is a directory",
  EACCES: "Permission denied",
  ENOTDIR: "Not a directory",
};

/** Absolute, and not shortened: what `..` behind a link is only the system knows. */
export function pathOf({ cwd }: Pick<ToolContext, "cwd">, name: string): string {
  return name === "" || name.startsWith("/") ? name : `${cwd}/${name}`;
}

/** Why a system call failed, as GNU programs print it. */
export function reasonLike(error: unknown): string {
  return REASONS[systemCode(error) ?? ""] ?? String(error);
}

/**
 * Reads files, or standard input where none is named. What cannot be read is a line on standard error.
 *
 * @returns A status that is not 0 where one could not be read.
 */
export async function readInputs(
  program: string,
  names: readonly string[],
  context: ToolContext,
  { missing = "" }: { missing?: string } = {},
): Promise<{ found: readonly ToolInput[]; status: number }> {
  const found: ToolInput[] = [];
  let status = 0;
  for (const name of names.length === 0 ? ["-"] : names) {
    if (name === "-") {
      found.push({ name, path: undefined, bytes: await context.readInput() });
      continue;
    }
    const path = pathOf(context, name);
    try {
      // A pipe is what "<(command)" of bash is.
      // deno-lint-ignore kbuild/regular-files
      found.push({ name, path, bytes: await Deno.readFile(path) });
    } catch (error) {
      context.warn(
        `${program}: ${missing === "" ? "" : `${missing} `}${name}: ${reasonLike(error)}`,
      );
      status = program === "sed" ? 2 : 1;
    }
  }
  return { found, status };
}
