import { widthOf } from "./layout.ts";

/** A terminal's size in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is assumed of a terminal that does not say how large it is. */
const USUAL: Size = Object.freeze({ columns: 80, rows: 24 });

/**
 * The size of a terminal: 80 × 24 where it says 0, as serial lines and new pseudo terminals do, or nothing, as
 * one that was closed.
 *
 * @param said Undefined where it says nothing.
 */
export function sizeOf(said: Size | undefined): Size {
  return { columns: said?.columns || USUAL.columns, rows: said?.rows || USUAL.rows };
}

/**
 * A terminal with a block of lines below the text that is written: the block is redrawn in place, and
 * text goes above it. The cursor stays below the block, visible: what the user types (`^C`) breaks no line
 * of it, and a killed program leaves the terminal as it should be.
 */
export interface Screen {
  /** Writes text above the block. Text may end within a line: then the block waits for the line's end. */
  write(text: string): void;
  /** Draws these lines instead of those before; none removes the block. */
  show(lines: readonly string[]): void;
  /** Forgets where the block is, because something else has written meanwhile. */
  forget(): void;
  /** How large the terminal is now. */
  size(): Size;
}

/** Makes a {@linkcode Screen} of what writes to a terminal, and what tells its size. */
export function createScreen(write: (text: string) => void, size: () => Size): Screen {
  let shown: readonly string[] = [];
  let wanted: readonly string[] = [];
  let isAtStart = true;

  /** Back to where the block began. Lines that a narrower window has broken count as several. */
  function erase(): string {
    if (shown.length === 0) return "";
    const { columns } = size();
    const rows = shown.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / Math.max(1, columns))),
      0,
    );
    // Line by line: some terminals keep a screen that is erased as a whole in their history.
    return `\r\x1b[K${"\x1b[A\x1b[K".repeat(rows)}`;
  }

  function draw(): string {
    shown = isAtStart ? wanted : [];
    return shown.map((line) => `${line}\n`).join("");
  }

  return Object.freeze<Screen>({
    size,
    write(text) {
      if (text === "") return;
      const before = erase();
      isAtStart = text.endsWith("\n");
      write(`${before}${text}${draw()}`);
    },
    show(lines) {
      const isSame = lines.length === shown.length && lines.every((line, i) => line === shown[i]);
      wanted = lines;
      if (isSame || !isAtStart) return;
      const before = erase();
      write(`${before}${draw()}`);
    },
    forget() {
      shown = [];
    },
  });
}
