import { cutStart, cutTo, pad, widthOf } from "./layout.ts";

/** Options of {@linkcode renderTable}. */
export interface TableOptions {
  /** Per column; default left. */
  align?: readonly ("left" | "right")[];
  /** In front of every line. */
  indent?: string;
  /** Columns of the terminal that the table must fit; undefined: it is as wide as it is. */
  width?: number | undefined;
  /**
   * Per column, which part of its cells gives way where the table is too wide: of a path the start, of
   * a text the end, of a "name" what is before its last "/", then its end; undefined: none. A "name"
   * gives way after all others.
   */
  cut?: readonly (Cut | undefined)[];
}

type Cut = "start" | "end" | "name";

/** Between columns. */
const GAP = "  ";

/** A column that gives way keeps so much; if the table is still too wide, less: a line that breaks is worse. */
const LEAST_WIDTHS = [12, 5] as const;

/** Line breaks and the like in a name would break the table: they are written as JSON does. */
function visible(cell: string): string {
  // deno-lint-ignore no-control-regex
  return cell.replace(/[\x00-\x1a\x1c-\x1f\x7f]/g, (char) => JSON.stringify(char).slice(1, -1));
}

/** The cell within `width` columns, with an ellipsis for what was cut. */
function fit(cell: string, width: number, end: Cut | undefined): string {
  if (end === undefined || widthOf(cell) <= width) return cell;
  if (end === "name") {
    const slash = cell.lastIndexOf("/");
    return fit(slash === -1 ? cell : `…${cell.slice(slash)}`, width, "end");
  }
  if (end === "end") return cutTo(cell, width);
  const [indent = ""] = /^ */.exec(cell) ?? [];
  return indent + cutStart(cell.slice(indent.length), width - indent.length);
}

/** Takes from the widest of the columns that give way until the line fits, from names last. */
function fitted(widths: readonly number[], room: number, cut: TableOptions["cut"]): number[] {
  const result = [...widths];
  const excess = () => result.reduce((sum, width) => sum + width, 0) - room;
  for (const least of LEAST_WIDTHS) {
    while (excess() > 0) {
      const widthsOf = (isSoft: (cut: Cut | undefined) => boolean) =>
        result.map((width, i) => isSoft(cut?.[i]) && width > least ? width : 0);
      const others = widthsOf((cut) => cut === "start" || cut === "end");
      const soft = others.some((width) => width > 0) ? others : widthsOf((cut) => cut === "name");
      const widest = Math.max(0, ...soft);
      if (widest === 0) break;
      result[soft.indexOf(widest)] = widest - 1;
    }
  }
  return result;
}

/**
 * Rows as aligned columns, one line each, no spaces at line ends; "" for no rows.
 *
 * @param rows Cells; a heading is a row like any other. Rows may differ in length.
 */
export function renderTable(
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { align = [], indent = "", width = Infinity, cut } = options;
  const cells = rows.map((row) => row.map(visible));
  const natural: number[] = [];
  for (const row of cells) {
    row.forEach((cell, i) => natural[i] = Math.max(natural[i] ?? 0, widthOf(cell)));
  }
  const room = width - widthOf(indent) - GAP.length * Math.max(0, natural.length - 1);
  const widths = fitted(natural, room, cut);
  const line = (row: readonly string[]) =>
    row.map((cell, i) => pad(fit(cell, widths[i] ?? 0, cut?.[i]), widths[i] ?? 0, align[i]))
      .join(GAP);
  return cells.map((row) => `${(indent + line(row)).trimEnd()}\n`).join("");
}
