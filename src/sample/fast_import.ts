import type { SampleCommit, SampleFile } from "./types.ts";

/** Who makes the commits and tags of a sample. */
const IDENTITY = "kbuild sample <sample@kbuild.invalid>";

/** A history, ready for git. */
export interface FastImport {
  /** What `git fast-import` reads. It prints the id of the last commit. */
  readonly stream: string;
  /** Tags, oldest first. */
  readonly tags: readonly string[];
}

/**
 * Writes a history as the input of `git fast-import`: one process makes all objects, and nothing of
 * the machine (clock, umask, line ends, configuration) gets into them.
 *
 * @param history Commits, oldest first; each holds its whole tree.
 * @param branch The branch that ends at the last commit: `release-1.20`.
 */
export function fastImport(history: readonly SampleCommit[], branch: string): FastImport {
  const parts: string[] = [];
  const tags: string[] = [];
  let previous: ReadonlyMap<string, SampleFile> = new Map();
  history.forEach(({ message, time, tag, files }, index) => {
    const mark = index + 1;
    const who = `${IDENTITY} ${time} +0000`;
    parts.push(`commit refs/heads/${branch}\nmark :${mark}\nauthor ${who}\ncommitter ${who}\n`);
    parts.push(data(`${message}\n`), ...changes(previous, files), "\n");
    if (tag !== undefined) {
      tags.push(tag);
      parts.push(`tag ${tag}\nfrom :${mark}\ntagger ${who}\n`, data(`${tag}\n`));
    }
    previous = files;
  });
  parts.push(`get-mark :${history.length}\ndone\n`);
  return Object.freeze({ stream: parts.join(""), tags: Object.freeze(tags) });
}

/** The commands that turn one tree into the next. */
function* changes(
  from: ReadonlyMap<string, SampleFile>,
  to: ReadonlyMap<string, SampleFile>,
): Generator<string> {
  for (const path of from.keys()) {
    if (!to.has(path)) yield `D ${quote(path)}\n`;
  }
  for (const [path, file] of to) {
    const text = "link" in file ? file.link : file.text;
    const mode = "link" in file ? "120000" : file.mode === 0o755 ? "100755" : "100644";
    const old = from.get(path);
    if (old !== undefined && JSON.stringify(old) === JSON.stringify(file)) continue;
    yield `M ${mode} inline ${quote(path)}\n${data(text)}`;
  }
}

const encoder = new TextEncoder();

/** A block of text with its length in bytes. */
function data(text: string): string {
  return `data ${encoder.encode(text).length}\n${text}\n`;
}

/** A path in C quotes: fast-import takes all other bytes as they are. */
function quote(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
