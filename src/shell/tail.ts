/** Keeps the last lines of a stream of text, for error messages. */
export interface Tail {
  /** Takes the next piece of output; a piece may hold many lines or part of one. */
  push(text: string): void;
  /** The kept lines, oldest first, without line ends; an unfinished last line counts. */
  lines(): readonly string[];
  /** The first line that names an error, unless it is one of the last lines. */
  firstError(): string | undefined;
}

/** Lines at the end of the kept ones that are on the screen with the error that follows. */
const SEEN = 12;

/** The longest line that is kept; the rest of a longer line is cut and marked. */
const LONGEST_LINE = 2000;

/** Lines that name an error: compilers, linkers, Go's run time, klog's fatal lines, and "error:". */
const ERROR =
  /^\S+\.\w+:\d+(:\d+)?: |^panic: |^fatal( error)?: |^F\d{4} |\berror: |undefined reference/i;

/**
 * Makes a {@linkcode Tail} of at most `size` lines.
 *
 * @param size Number of lines; at least 1.
 */
export function createTail(size: number): Tail {
  const kept: string[] = [];
  let open = "";
  let firstError: string | undefined;

  function keep(line: string): void {
    if (firstError === undefined && ERROR.test(line)) firstError = line.slice(0, LONGEST_LINE);
    kept.push(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line);
    if (kept.length > size) kept.shift();
  }
  return {
    push(text: string): void {
      const parts = (open + text).split("\n");
      open = parts.pop() ?? "";
      if (open.length > LONGEST_LINE * 2) open = open.slice(0, LONGEST_LINE * 2);
      for (const part of parts) keep(part.replace(/\r$/, ""));
    },
    firstError(): string | undefined {
      const isSeen = firstError !== undefined && kept.slice(-SEEN).includes(firstError);
      return isSeen ? undefined : firstError;
    },
    lines(): readonly string[] {
      return Object.freeze(open === "" ? [...kept] : [...kept, open].slice(-size));
    },
  };
}
