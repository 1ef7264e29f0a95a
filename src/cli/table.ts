import { pad, widthOf } from "./layout.ts";

/** Options of {@linkcode renderTable}. */
export interface TableOptions {
  /** Per column; default left. */
  align?: readonly ("left" | "right")[];
  /** Blanks between columns; default 2. */
  gap?: number;
  /** Stands before every line. */
  indent?: string;
}

/** Line breaks and the like in a name would break the table: they are written as JSON does. */
function visible(cell: string): string {
  // deno-lint-ignore no-control-regex
  return cell.replace(/[\x00-\x1a\x1c-\x1f\x7f]/g, (char) => JSON.stringify(char).slice(1, -1));
}

/**
 * Rows as aligned columns, one line each, no blanks at line ends; "" for no rows.
 *
 * @param rows Cells; a heading is a row like any other. Rows may differ in length.
 */
export function renderTable(
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { align = [], gap = 2, indent = "" } = options;
  const cells = rows.map((row) => row.map(visible));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, widthOf(cell)));
  }
  const line = (row: readonly string[]) =>
    row.map((cell, i) => pad(cell, widths[i] ?? 0, align[i])).join(" ".repeat(gap));
  return cells.map((row) => `${(indent + line(row)).trimEnd()}\n`).join("");
}
