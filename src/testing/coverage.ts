/** A block of statements of a coverage profile. */
export interface Block {
  /** Counted from 1. */
  readonly firstLine: number;
  /** The same line, or a later one. */
  readonly lastLine: number;
  /** How many statements it has. */
  readonly statements: number;
  /** How often it ran; with the mode `set`, 1. */
  readonly count: number;
}

/** What a profile of `go test -coverprofile` says, by file: `k8s.io/api/core/v1/register.go`. */
export type Coverage = ReadonlyMap<string, readonly Block[]>;

/** `name.go:line.column,line.column statements count` (`go tool cover`). */
const LINE = /^(.+):(\d+)\.\d+,(\d+)\.\d+ (\d+) (\d+)$/;

/** Reads a profile; lines of another form are left out. */
export function parseCoverage(profile: string): Coverage {
  const files = new Map<string, Block[]>();
  for (const line of profile.split("\n")) {
    const [, file, first, last, statements, count] = LINE.exec(line) ?? [];
    if (file === undefined) continue;
    const blocks = files.get(file) ?? [];
    files.set(file, blocks);
    blocks.push({
      firstLine: Number(first),
      lastLine: Number(last),
      statements: Number(statements),
      count: Number(count),
    });
  }
  return files;
}

/** Statements that ran, of all, in percent; 0 where there are none. */
export function coveredPercent(coverage: Coverage): number {
  const blocks = [...coverage.values()].flat();
  const sum = (list: readonly Block[]) => list.reduce((total, each) => total + each.statements, 0);
  const all = sum(blocks);
  return all === 0 ? 0 : 100 * sum(blocks.filter(({ count }) => count > 0)) / all;
}

/**
 * The same in the form of lcov's geninfo, which editors and CI services read: how often each line ran.
 *
 * @param pathOf The path of a file from the root of the checkout.
 */
export function lcovOf(coverage: Coverage, pathOf: (file: string) => string): string {
  return [...coverage].sort(([a], [b]) => a < b ? -1 : 1).map(([file, blocks]) => {
    const lines = new Map<number, number>();
    for (const { firstLine, lastLine, count } of blocks) {
      for (let line = firstLine; line <= lastLine; line++) {
        lines.set(line, Math.max(lines.get(line) ?? 0, count));
      }
    }
    const data = [...lines].sort(([a], [b]) => a - b);
    const hit = data.filter(([, count]) => count > 0).length;
    return [
      `SF:${pathOf(file)}`,
      ...data.map(([line, count]) => `DA:${line},${count}`),
      `LF:${data.length}`,
      `LH:${hit}`,
      "end_of_record\n",
    ].join("\n");
  }).join("");
}
