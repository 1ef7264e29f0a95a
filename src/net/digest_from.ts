/**
 * Where the digest came from that a download was checked against. A mirror that names the digest of
 * what it serves proves that the copy is complete, not whose it is.
 *
 * - `origin`: the project's own server.
 * - `lock`: the user: a lock file, or a variable.
 * - `built-in`: a list in kbuild.
 * - `checksum-database`: Go's, signed.
 * - `mirror`: the server that the content came from, which is not the origin.
 */
export type DigestFrom = "origin" | "lock" | "built-in" | "checksum-database" | "mirror";

const KNOWN: ReadonlySet<unknown> = new Set<DigestFrom>([
  ...["origin", "lock", "built-in", "checksum-database", "mirror"] as const,
]);

/** Whether a value of a file is a {@linkcode DigestFrom}. */
export function isDigestFrom(value: unknown): value is DigestFrom {
  return KNOWN.has(value);
}
