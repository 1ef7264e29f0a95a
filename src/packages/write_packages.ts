import { dirname, join } from "@std/path";
import type { Deflater } from "../archive/mod.ts";
import { moveFile, writeFileAtomic } from "../files/mod.ts";
import { writeDeb } from "./deb.ts";
import type { PlannedPackage } from "./prepare.ts";
import type { WrittenPackage } from "./package_archive.ts";
import { repositoriesOf } from "./repository.ts";
import type { Signer } from "./signer.ts";
import { resolvePackage } from "./resolve.ts";
import { unpackPrograms } from "./tarballs.ts";
import { writeRpm } from "./rpm.ts";

/** Options of {@linkcode writePackage}. */
export interface WritePlannedOptions {
  /** Directory of packages; absolute. */
  readonly directory: string;
  /** Directory for unpacked tarballs, which the caller removes; absolute. */
  readonly work: string;
  /** Compresses the programs; stays open. */
  readonly deflater: Deflater;
  /** Signs rpms; default: nobody. */
  readonly signer?: Signer | undefined;
  /** Stops the writing. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a planned package. Its directory is made if it is missing.
 *
 * @throws {KbuildError} A program cannot be read or changes meanwhile; the file cannot be written.
 */
export async function writePackage(
  { description, path, programs, tarball }: PlannedPackage,
  { directory, work, deflater, signer, signal }: WritePlannedOptions,
): Promise<WrittenPackage> {
  const unpacked = tarball === undefined
    ? programs
    : await unpackPrograms(tarball, join(work, path.slice(path.lastIndexOf("/") + 1)), { signal });
  const pkg = await resolvePackage(description, unpacked);
  const out = join(directory, path);
  await Deno.mkdir(join(out, ".."), { recursive: true });
  const write = description.format === "deb" ? writeDeb : writeRpm;
  return Object.freeze({ pkg, archive: await write(pkg, out, { deflater, signal, signer }) });
}

/** Options of {@linkcode placePackages}. */
export interface PlacePackagesOptions {
  /** Directory that the packages were written to; absolute. */
  readonly from: string;
  /** Directory that they go to, on the same file system if possible; absolute. */
  readonly to: string;
  /** Whether the directories of packages become repositories. */
  readonly repository: boolean;
  /** Signs the indices; default: nothing is signed. */
  readonly signer?: Signer | undefined;
}

/**
 * Moves finished packages to their paths, together with the indices over them. All that takes long, or may fail for
 * what the files say, is done before the first of them is moved.
 *
 * @returns The packages, with their new paths.
 * @throws {KbuildError} An index cannot be signed or written.
 */
export async function placePackages(
  packages: readonly WrittenPackage[],
  { from, to, repository, signer }: PlacePackagesOptions,
): Promise<readonly WrittenPackage[]> {
  const placed = packages.map(({ pkg, archive }): WrittenPackage => {
    const path = `${to}${archive.path.slice(from.length)}`;
    return Object.freeze({ pkg, archive: Object.freeze({ ...archive, path }) });
  });
  const staged: { readonly temporary: string; readonly path: string }[] = [];
  for (const { path, bytes } of repository ? await repositoriesOf(placed, { signer }) : []) {
    const temporary = `${from}${path.slice(to.length)}`;
    await Deno.mkdir(dirname(temporary), { recursive: true });
    await writeFileAtomic(temporary, bytes);
    staged.push({ temporary, path });
  }
  for (const [index, { archive }] of placed.entries()) {
    await moveFile(packages[index]!.archive.path, archive.path);
  }
  for (const { temporary, path } of staged) await moveFile(temporary, path);
  return Object.freeze(placed);
}
