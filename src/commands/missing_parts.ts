import { BUNDLE_PARTS } from "../bundle/mod.ts";
import { KbuildError } from "../errors.ts";

/** Lines of files that an error shows of one part. */
const MAX_LINES = 6;

/** What a bundle lacks, gathered so that one error names all of it. */
export class MissingParts {
  readonly #lines = new Map<string, string[]>();
  readonly #notes = new Set<string>();

  /**
   * Adds what is missing of a part.
   *
   * @param part Name of the part, as `--without` takes it.
   * @param line What is missing: a file, or why nothing is known of it.
   * @param notes How to make, fetch or name it.
   */
  add(part: string, line: string, notes: readonly string[]): void {
    const lines = this.#lines.get(part) ?? [];
    lines.push(line);
    this.#lines.set(part, lines);
    for (const note of notes) this.#notes.add(note);
  }

  /** @throws {KbuildError} Something is missing: all of it, how to have it, how to leave it out. */
  check(): void {
    const parts = BUNDLE_PARTS.map(({ name }) => name).filter((name) => this.#lines.has(name));
    if (parts.length === 0) return;
    const output = parts.flatMap((name) => {
      const lines = this.#lines.get(name)!;
      const more = lines.length - MAX_LINES;
      return [
        ...lines.slice(0, MAX_LINES).map((line) => `${name}: ${line}`),
        ...more > 0 ? [`${name}: … and ${more} more`] : [],
      ];
    });
    throw new KbuildError("Cannot make a bundle: parts of it are missing", {
      output,
      notes: [...this.#notes, `Or leave them out by name: --without ${parts.join(",")}`],
    });
  }
}
