/**
 * `@std/path` where only npm is reachable, from `node:path`: deno-std's own module loads seventy
 * files, which costs a tenth of the start-up time that `kbuild version` may take.
 */
import { basename, delimiter, dirname, extname, isAbsolute, join } from "node:path";
import { normalize, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export { basename, dirname, extname, isAbsolute, join, normalize, relative, resolve };

/** The character between the parts of a path. */
export const SEPARATOR: string = sep;
/** The character between the paths of a list. */
export const DELIMITER: string = delimiter;

/** `file:///a%20b` -> `/a b`. */
export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

/** `/a b` -> `file:///a%20b`. */
export function toFileUrl(path: string): URL {
  return pathToFileURL(path);
}
