import type { Finding } from "../audit/mod.ts";
import { oneLine } from "../progress/mod.ts";

/**
 * A finding as a line for a terminal: `kubernetes/server/bin/kubelet: is empty`. Names come from archives that nobody
 * vouches for: what would move the cursor or end the line is escaped.
 */
export function findingWords({ path, text }: Pick<Finding, "path" | "text">): string {
  return oneLine([...path, text].join(": "));
}
