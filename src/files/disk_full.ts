import { systemCode } from "../errors.ts";

/** Advice where outputs of a checkout fill a disk. */
export const FREE_SPACE = "Free some disk space (`kbuild clean` removes _output), then run again";

/** Whether an error, or one that caused it, says that a disk or a quota is full. */
export function isDiskFull(error: unknown): boolean {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const code = systemCode(inner);
    if (code === "ENOSPC" || code === "EDQUOT") return true;
  }
  return false;
}
