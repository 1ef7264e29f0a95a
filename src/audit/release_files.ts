import { basename, dirname, join } from "@std/path";
import { ifPresent, isDirectory, reasonOf } from "../files/mod.ts";
import { compareNames } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";

/** Directories of an output root that are published; it also has stages and caches. */
const PUBLISHED = ["release-tars", "release-images"];

/** The files of a release. */
export interface ReleaseFiles {
  /** The directory that names are relative to. */
  readonly root: string;
  /** Whether it is an output root, so that names start with `release-tars/` or `release-images/`. */
  readonly isOutputRoot: boolean;
  /** Names of what is published, sorted bytewise. */
  readonly artifacts: readonly string[];
  /** Names of files that hold checksums of others: `SHA256SUMS`, `x.sha512`, `artifacts.json`. */
  readonly checksums: readonly string[];
}

/** Whether a file says of others what they are. */
export function isChecksumFile(name: string): boolean {
  return /(^|\/)((SHA|sha)(256|512)(SUMS|sums)|artifacts\.json|[^/]+\.sha(256|512))$/.test(name);
}

/**
 * Lists one file of a release, with what is beside it and holds checksums. Its name begins with
 * `release-tars/` or `release-images/` where it is in a directory of that name.
 *
 * @param file Path of the file.
 * @throws {KbuildError} The directories cannot be read.
 */
export async function listReleaseFile(file: string): Promise<ReleaseFiles> {
  const [, output] = /^(.*)\/release-(?:tars|images)\/[^]*$/.exec(file) ?? [];
  if (output !== undefined) {
    const files = await listReleaseFiles(output);
    return Object.freeze({ ...files, artifacts: Object.freeze([file.slice(output.length + 1)]) });
  }
  const root = dirname(file);
  const names = (await Array.fromAsync(Deno.readDir(root)).catch((cause: unknown) => {
    throw new KbuildError(`Cannot read "${root}": ${reasonOf(cause)}`, { cause });
  })).map(({ name }) => name);
  return Object.freeze({
    root,
    isOutputRoot: false,
    artifacts: Object.freeze([basename(file)]),
    checksums: Object.freeze(names.filter(isChecksumFile).sort(compareNames)),
  });
}

/**
 * Lists a release: an output root (`_output`, or the checkout that has it), of which only
 * `release-tars` and `release-images` count, or any directory with downloaded files. Links to files
 * are files, links to directories are left out.
 *
 * @throws {KbuildError} It cannot be read.
 */
export async function listReleaseFiles(directory: string): Promise<ReleaseFiles> {
  const root = await publishedIn(join(directory, "_output"))
    ? join(directory, "_output")
    : directory;
  const isOutputRoot = await publishedIn(root);
  const names: string[] = [];
  const visit = async (below: string): Promise<void> => {
    const path = join(root, below);
    const entries = await Array.fromAsync(Deno.readDir(path)).catch((cause: unknown) => {
      throw new KbuildError(`Cannot read "${path}": ${reasonOf(cause)}`, { cause });
    });
    for (const { name, isDirectory, isSymlink } of entries) {
      const inner = below === "" ? name : `${below}/${name}`;
      const linked = isSymlink ? await ifPresent(Deno.stat(join(root, inner))) : undefined;
      if (isDirectory) await visit(inner);
      else if (linked?.isDirectory !== true) names.push(inner);
    }
  };
  if (isOutputRoot) {
    for (const name of PUBLISHED) if (await isDirectory(join(root, name))) await visit(name);
  } else await visit("");
  names.sort(compareNames);
  return Object.freeze({
    root,
    isOutputRoot,
    artifacts: Object.freeze(names.filter((name) => !isChecksumFile(name))),
    checksums: Object.freeze(names.filter(isChecksumFile)),
  });
}

async function publishedIn(directory: string): Promise<boolean> {
  return await isDirectory(join(directory, PUBLISHED[0]!)) ||
    await isDirectory(join(directory, PUBLISHED[1]!));
}
