import { isDenied, systemCode } from "../errors.ts";
import { IrregularFileError } from "./regular.ts";

/** The operating system's reason, without the class name and the code. */
export function reasonOf(error: unknown): string {
  if (error instanceof IrregularFileError) return error.reason;
  if (systemCode(error) === "ENOENT") return "no such file or directory";
  if (isDenied(error)) return "permission denied";
  if (!(error instanceof Error)) return String(error);
  // Only to show it: without the code.
  // deno-lint-ignore kbuild/texts-are-for-people
  const words = /^(.*?) \(os error \d+\)/s.exec(error.message)?.[1];
  return words === undefined ? error.message : words.charAt(0).toLowerCase() + words.slice(1);
}
