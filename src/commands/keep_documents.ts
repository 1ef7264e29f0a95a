import { dirname, join } from "@std/path";
import { entriesOf, ifPresent, linkTree, objectIn, readText } from "../files/mod.ts";
import { PROVENANCE_FILE } from "../sbom/mod.ts";

/** A run of `kbuild sbom`, against which documents of an earlier one are held. */
export interface DocumentsNow {
  /** Digests of files by their documents' names, without the ends: `bin/linux/amd64/kubectl`. */
  readonly digests: ReadonlyMap<string, string>;
  /** Name of the document of the whole release. */
  readonly release: string;
  /** Ends of documents of other formats, which this run does not make. */
  readonly otherEnds: readonly string[];
  /** The provenance of this run. */
  readonly provenance: string;
}

/** Names that documents have. */
const DOCUMENT =
  /^(?:(?:bin|tars|images|packages)\/.+|kubernetes-release)(?:\.spdx\.json|\.cdx\.json)$/;

/**
 * Gives new documents what stays of the old ones: those of another format that are of the same files and builds, and
 * whatever kbuild did not make (signatures, notes).
 *
 * @param old Directory of an earlier run, which may be missing.
 * @param made Directory of the new documents: nothing in it is replaced.
 * @throws The system's error.
 */
export async function keepDocuments(
  old: string,
  made: string,
  { digests, release, otherEnds, provenance }: DocumentsNow,
): Promise<void> {
  const before = await ifPresent(readText(join(old, PROVENANCE_FILE))) ?? "";
  const known = digestsIn(before);
  const isSameBuild = predicateOf(before) === predicateOf(provenance);
  const holds = (path: string): boolean => {
    const end = otherEnds.find((end) => path.endsWith(end));
    if (end === undefined) return false;
    const name = path.slice(0, -end.length);
    if (name === release) return before === provenance;
    const digest = digests.get(name);
    return isSameBuild && digest !== undefined && known.has(digest);
  };
  for (const path of await pathsBelow(old)) {
    const isOurs = path === PROVENANCE_FILE || DOCUMENT.test(path);
    if (isOurs && !holds(path)) continue;
    const to = join(made, path);
    if (await ifPresent(Deno.lstat(to)) !== undefined) continue;
    await Deno.mkdir(dirname(to), { recursive: true });
    await linkTree(join(old, path), to);
  }
}

/** Files and links below a directory, from there; none if it is missing. */
async function pathsBelow(directory: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const { name, isDirectory } of await entriesOf(directory) ?? []) {
    if (!isDirectory) paths.push(name);
    else for (const path of await pathsBelow(join(directory, name))) paths.push(`${name}/${path}`);
  }
  return paths;
}

function digestsIn(statement: string): ReadonlySet<string> {
  const subjects: unknown = objectIn(statement)?.["subject"];
  const all = Array.isArray(subjects) ? subjects : [];
  return new Set(all.map((each) => String(each?.digest?.sha256)));
}

function predicateOf(statement: string): string | undefined {
  return JSON.stringify(objectIn(statement)?.["predicate"]);
}
