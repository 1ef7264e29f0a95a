import type { SampleFile, SampleFiles } from "./types.ts";

/** Part of a checkout: path to entry; a bare string is a file of mode 0644. */
export type Tree = Readonly<Record<string, string | SampleFile>>;

/** An executable file (mode 0755). */
export function script(text: string): SampleFile {
  return Object.freeze({ text, mode: 0o755 });
}

/** A symbolic link. */
export function link(target: string): SampleFile {
  return Object.freeze({ link: target });
}

/** Puts `prefix` in front of each path. */
export function under(prefix: string, tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => [`${prefix}/${path}`, entry]),
  );
}

/**
 * Joins parts of a checkout, sorted bytewise.
 *
 * @throws {TypeError} Two parts hold the same path, or a path is both a file and a directory.
 */
export function joinTrees(...trees: readonly Tree[]): SampleFiles {
  const all = new Map<string, SampleFile>();
  for (const tree of trees) {
    for (const [path, entry] of Object.entries(tree)) {
      if (all.has(path)) throw new TypeError(`Two parts of the sample hold "${path}"`);
      all.set(
        path,
        typeof entry === "string" ? Object.freeze({ text: entry, mode: 0o644 }) : entry,
      );
    }
  }
  for (const path of all.keys()) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      if (all.has(folder)) throw new TypeError(`"${folder}" is both a file and a folder`);
    }
  }
  return new Map([...all].sort(([a], [b]) => compareBytes(a, b)));
}

/** Compares as UTF-8 bytes do: by code point, not by UTF-16 unit. */
function compareBytes(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = left[index]!.codePointAt(0)! - right[index]!.codePointAt(0)!;
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
