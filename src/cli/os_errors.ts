/** An error of the operating system, in words. */
export interface OsErrorText {
  /** What failed: `Cannot open "/x": no such file or directory`. */
  readonly message: string;
  readonly notes: readonly string[];
}

/** What to do, by the code that Deno and node put on errors. */
const NOTES: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", 'Free some space on that disk; "kbuild clean" removes what was built before'],
  ["EDQUOT", 'Free some of your quota; "kbuild clean" removes what was built before'],
  ["EACCES", "Check who owns the path and what its mode is: ls -ld"],
  ["EPERM", "Check who owns the path and what its mode is: ls -ld"],
  ["EROFS", "The file system is mounted read-only; work in a copy on another one"],
  ["EMFILE", "Allow more open files: ulimit -n 4096"],
  ["ENFILE", "The system has too many files open; end other programs"],
  ["ELOOP", "A link leads in a circle; see where it leads: ls -l"],
  ["ENOTDIR", "A file is in the place of a directory; check the path"],
  ["ENOENT", "Check that the path exists and is spelled right"],
]);

/** Deno's verb for the call, where it is not plain English. */
const VERBS: Readonly<Record<string, string>> = {
  readfile: "read",
  writefile: "write",
  readdir: "list",
  readlink: "read the link",
  realpath: "resolve",
  mkdir: "make the directory",
  rmdir: "remove",
  unlink: "remove",
  stat: "look at",
  lstat: "look at",
  utime: "set the times of",
  chmod: "set the mode of",
  chown: "set the owner of",
  symlink: "make the link",
  link: "link",
};

/** `No such file or directory (os error 2): rename '/a' -> '/b'` */
const DENO = /^(.*?) \(os error \d+\)(?:: ([a-z_ ]+) '(.*?)'(?: -> '(.*)')?)?$/s;
/** `ENOENT: no such file or directory, rename '/a' -> '/b'` */
const NODE = /^[A-Z0-9]+: (.*?), ([a-z]+)(?: '(.*?)'(?: -> '(.*)')?)?$/s;

/**
 * Puts an error of a system call into a sentence.
 *
 * @param code `ENOENT` and so on; undefined when the error has none.
 * @param message The message as Deno or node words it.
 * @returns Undefined if it is not such an error.
 */
export function osErrorText(code: string | undefined, message: string): OsErrorText | undefined {
  const parts = DENO.exec(message) ?? NODE.exec(message);
  const note = code === undefined ? undefined : NOTES.get(code);
  if (parts === null && note === undefined) return undefined;
  const [, reason = message, call, from, to] = parts ?? [];
  const cause = reason.charAt(0).toLowerCase() + reason.slice(1);
  const what = [
    VERBS[call ?? ""] ?? call ?? "go on",
    from === undefined ? "" : ` "${from}"`,
    to === undefined ? "" : ` to "${to}"`,
  ].join("");
  return Object.freeze({
    message: `Cannot ${what}: ${cause}`,
    notes: Object.freeze(note === undefined ? [] : [note]),
  });
}
