import { digestOfFile } from "../archive/mod.ts";
import { compareContents, type CompareOptions } from "./compare_contents.ts";
import { scanFile } from "./scan.ts";
import type { Content, Finding } from "./types.ts";
import { ifPresent } from "../files/mod.ts";

/** Contents of one artifact that are looked at a second time, for the very bytes that differ. */
const MAX_HUNKS = 200;

/** Options of {@linkcode compareFiles}. */
export interface CompareFilesOptions extends CompareOptions {
  /** Stops the reading. */
  signal?: AbortSignal;
}

/**
 * What differs between two artifacts, archives member by member, down to the first byte of each
 * member that differs. Equal files are read once, others twice.
 *
 * @returns Empty when nothing differs.
 * @throws {KbuildError} A file cannot be read.
 */
export async function compareFiles(
  a: string,
  b: string,
  options: CompareFilesOptions = {},
): Promise<readonly Finding[]> {
  if (await sameBytes(a, b, options.signal)) return [];
  const look = (path: string, hunks?: ReadonlyMap<string, number>): Promise<Content> =>
    scanFile(path, {
      label: path,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(hunks === undefined ? {} : { hunks }),
    });
  const found = compareContents(await look(a), await look(b), options);
  const differences = found.flatMap(({ difference }) => difference ?? []).slice(0, MAX_HUNKS);
  if (differences.length === 0) return found;
  const before = await look(a, new Map(differences.map(({ a, block }) => [a, block])));
  const after = await look(b, new Map(differences.map(({ b, block }) => [b, block])));
  return compareContents(before, after, options);
}

async function sameBytes(a: string, b: string, signal?: AbortSignal): Promise<boolean> {
  const [x, y] = [await ifPresent(Deno.stat(a)), await ifPresent(Deno.stat(b))];
  if (x?.size !== y?.size) return false;
  return await digestOfFile(a, "sha256", { signal }) ===
    await digestOfFile(b, "sha256", { signal });
}
