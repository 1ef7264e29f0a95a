/** Milliseconds: times of changes come in whole seconds (Deno's ctime), and file systems count in two at worst. */
const TICK_MS = 3000;

/** Size, inode and times of a file: what a change of its content changes. */
export function fingerprint({ size, ino, mtime, ctime }: Deno.FileInfo): string {
  return `${size} ${ino} ${mtime?.getTime()} ${ctime?.getTime()}`;
}

/**
 * When a file or its status was last changed, in milliseconds since 1970; Infinity if the file system does not say: such a
 * file may change at any time.
 */
export function changeTime({ mtime, ctime }: Pick<Deno.FileInfo, "ctime" | "mtime">): number {
  return Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? 0);
}

/**
 * Whether a file cannot have changed again with the same {@linkcode fingerprint}: its last change is old enough.
 *
 * @param changed Milliseconds since 1970, from {@linkcode changeTime}.
 * @param seen When it was looked at, or what uses it began; milliseconds since 1970.
 */
export function isSettled(changed: number, seen: number): boolean {
  return changed + TICK_MS < seen;
}
