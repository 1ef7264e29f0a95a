import { UsageError } from "../errors.ts";

/** How progress is shown. */
export type ProgressMode = "tty" | "plain" | "json" | "quiet";

/**
 * Decides how progress is shown. `auto` redraws lines on a terminal, unless it is dumb or belongs to a CI
 * service (`CI`, as all services set it).
 *
 * @param choice `auto`, or a mode.
 * @throws {UsageError} `tty` without a terminal.
 */
export function progressMode(
  choice: string,
  { terminal, env }: { terminal: boolean; env: Readonly<Record<string, string>> },
): ProgressMode {
  if (choice === "plain" || choice === "json" || choice === "quiet") return choice;
  if (choice === "tty") {
    if (terminal) return "tty";
    throw new UsageError("Cannot redraw lines: standard error is not a terminal that can do that", [
      "Use --progress=plain, or auto, which decides by itself",
    ]);
  }
  const isService = !["", "0", "false"].includes(env["CI"] ?? "");
  return terminal && !isService ? "tty" : "plain";
}
