import { createHash } from "node:crypto";

/** A script of a checkout whose work kbuild does itself, with the script's verdict. */
export interface NativeScript {
  /** For people: "gofmt on 5321 files". */
  readonly summary: string;
  /** Whether it remembers nothing of an earlier run: where nothing has changed since it passed, it is not run again. */
  readonly keepsNoRecord?: boolean;
  /**
   * Does the work.
   *
   * @param print Receives what a script would print, for the log.
   * @returns Whether it passed; undefined if only the script can tell.
   */
  run(print: (text: string) => void): Promise<boolean | undefined>;
}

/**
 * A digest of a script, by which a known one is recognized. Comments, quotes and spaces have no effect on it.
 */
export function scriptDigest(text: string): string {
  const code = text.replaceAll(/^[ \t]*#.*$/gm, "").replaceAll(/\s+/g, "").replaceAll("'", '"')
    .replaceAll(/,([)\]])/g, "$1");
  return createHash("sha256").update(code).digest("hex");
}
