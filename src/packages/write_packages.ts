import { basename, dirname, join } from "@std/path";
import type { Deflater } from "../archive/mod.ts";
import { moveFile, objectIn, writeFileAtomic } from "../files/mod.ts";
import { writeDeb } from "./deb.ts";
import type { PlannedPackage } from "./prepare.ts";
import { finishedFile, type PackageArchive, type WrittenPackage } from "./package_archive.ts";
import { repositoriesOf } from "./repository.ts";
import type { Signer } from "./signer.ts";
import { resolvePackage } from "./resolve.ts";
import { unpackPrograms } from "./tarballs.ts";
import { writeRpm } from "./rpm.ts";
import type { Package } from "./types.ts";

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
  planned: PlannedPackage,
  { directory, work, deflater, signer, signal }: WritePlannedOptions,
): Promise<WrittenPackage> {
  const pkg = await resolvePlanned(planned, { work, signal });
  const out = join(directory, planned.path);
  await Deno.mkdir(dirname(out), { recursive: true });
  const write = pkg.format === "deb" ? writeDeb : writeRpm;
  return Object.freeze({ pkg, archive: await write(pkg, out, { deflater, signal, signer }) });
}

/** Looks at what a planned package is made of; programs of a tarball are unpacked. */
async function resolvePlanned(
  { description, path, programs, tarball }: PlannedPackage,
  { work, signal }: Pick<WritePlannedOptions, "work" | "signal">,
): Promise<Package> {
  const unpacked = tarball === undefined
    ? programs
    : await unpackPrograms(tarball, join(work, basename(path)), { signal });
  return await resolvePackage(description, unpacked);
}

/** What cannot be seen from the outside of a finished package, as a text for {@linkcode readPackage}. */
export function packageNote({ contentDigest, header, plainSize }: PackageArchive): string {
  return JSON.stringify({ contentDigest, header, plainSize });
}

/**
 * Looks at a package that was written before, from the same plan and programs.
 *
 * @param planned It is at its path below `directory`.
 * @param note Of {@linkcode packageNote}.
 * @returns undefined: the note is not that of such a package.
 * @throws {KbuildError} A program or the package cannot be read.
 */
export async function readPackage(
  planned: PlannedPackage,
  note: string | undefined,
  { directory, work, signal }: Pick<WritePlannedOptions, "directory" | "work" | "signal">,
): Promise<WrittenPackage | undefined> {
  const { contentDigest, header, plainSize } = objectIn(note ?? "") ?? {};
  if (typeof contentDigest !== "string" || !/^[0-9a-f]{64}$/.test(contentDigest)) return undefined;
  const path = join(directory, planned.path);
  const archive = await finishedFile(path, path, contentDigest);
  const insides = planned.description.format === "deb"
    ? {}
    : isRange(header, archive.size) && isSize(plainSize)
    ? { plainSize, header }
    : undefined;
  if (insides === undefined) return undefined;
  const pkg = await resolvePlanned(planned, { work, signal });
  return Object.freeze({ pkg, archive: Object.freeze({ ...archive, ...insides }) });
}

type Range = NonNullable<PackageArchive["header"]>;

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

function isRange(value: unknown, size: number): value is Range {
  const { start, end } = (value ?? {}) as Partial<Record<string, unknown>>;
  return isSize(start) && isSize(end) && start < end && end <= size;
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
