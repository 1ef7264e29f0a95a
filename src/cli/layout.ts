/** Columns that help is written for. */
export const COLUMNS = 80;

// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b\[[0-9;]*[A-Za-z]/g;
const NO_WIDTH = /^[\p{M}\p{Cf}]$/u;
/** East Asian wide and full-width characters, and what terminals draw as pictures. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** Columns that the text takes on a terminal; escape sequences and marks take none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text.replace(ESCAPES, "")) {
    if (NO_WIDTH.test(char)) continue;
    width += WIDE.test(char) ? 2 : 1;
  }
  return width;
}

/** The text, padded with spaces to `width` columns; text that is wider stays as it is. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const spaces = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + spaces : spaces + text;
}

/** The text within `width` columns, with an ellipsis for what was cut off its end. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const chars = [...text];
  while (chars.length > 0 && widthOf(chars.join("")) >= width) chars.pop();
  return `${chars.join("")}…`;
}

/** {@linkcode cutTo} from the other side: of a path, the end says more. */
export function cutStart(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const chars = [...text];
  while (chars.length > 0 && widthOf(chars.join("")) >= width) chars.shift();
  return `…${chars.join("")}`;
}

/** Breaks one paragraph into lines of at most `width` columns; a longer word keeps a line. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  if (line !== "") lines.push(line);
  return Object.freeze(lines);
}

/** Widest term that shares its line with the meaning. */
const WIDEST_TERM = 26;

/** Columns of a meaning, however narrow the terminal is. */
const LEAST_MEANING = 20;

/** A term and its meaning, as help lists commands and flags. */
export type Definition = readonly [term: string, meaning: string];

/** The column that holds the terms, but for those that are too wide. */
export function columnOf(rows: readonly Definition[]): number {
  const widths = rows.map(([term]) => widthOf(term));
  return Math.max(0, ...widths.filter((width) => width <= WIDEST_TERM));
}

/**
 * Terms with their meanings beside them: indented by two, the meanings in one column and wrapped;
 * a term that is wider than the column has lines of its own.
 *
 * @param column Width of the terms; default: what these terms need.
 * @param width Columns of a line.
 */
export function definitions(
  rows: readonly Definition[],
  column: number = columnOf(rows),
  width: number = COLUMNS,
): readonly string[] {
  const indent = " ".repeat(column + 4);
  return Object.freeze(rows.flatMap(([term, meaning]) => {
    const lines = wrap(meaning, Math.max(LEAST_MEANING, width - indent.length));
    if (widthOf(term) > column) {
      return [...wrap(term, width - 2).map((l) => `  ${l}`), ...lines.map((l) => indent + l)];
    }
    const [first = "", ...rest] = lines;
    return [`  ${pad(term, column)}  ${first}`.trimEnd(), ...rest.map((l) => indent + l)];
  }));
}
