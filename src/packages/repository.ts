import { dirname, join } from "@std/path";
import { aptRepository } from "./apt_repository.ts";
import type { RepositoryFile, WrittenPackage } from "./package_archive.ts";
import type { Signer } from "./signer.ts";
import type { PackageFormat } from "./types.ts";
import { yumRepository } from "./yum_repository.ts";

/** Names of the files that {@linkcode repositoriesOf} has for a directory of packages. */
export function repositoryFiles(format: PackageFormat): readonly string[] {
  return format === "deb"
    ? ["Packages", "Packages.gz", "Release"]
    : ["primary", "filelists", "other"].map((name) => `repodata/${name}.xml.gz`)
      .concat("repodata/repomd.xml");
}

/** Names of the signatures over the index of a directory of packages. */
export function signatureFiles(format: PackageFormat): readonly string[] {
  return format === "deb" ? ["Release.gpg", "InRelease"] : ["repodata/repomd.xml.asc"];
}

/** The signatures over an index, in the order of {@linkcode signatureFiles}. */
async function signaturesOf(
  format: PackageFormat,
  { name, bytes }: RepositoryFile,
  signer: Signer,
): Promise<readonly RepositoryFile[]> {
  if (name !== "Release" && name !== "repodata/repomd.xml") return [];
  const text = new TextDecoder().decode(bytes);
  const signed = [
    await signer.detached(text),
    ...(format === "deb" ? [await signer.clear(text)] : []),
  ];
  return signatureFiles(format).map((name, index) => (
    { name, bytes: new TextEncoder().encode(signed[index]) }
  ));
}

/** A file of a repository, with the path that it gets. */
export interface PlacedFile {
  /** Absolute. */
  readonly path: string;
  /** The content. */
  readonly bytes: Uint8Array;
}

/**
 * The files that make each directory of packages a repository: a flat one for apt over debs, one with
 * `repodata` for dnf and yum over rpms. Nothing is written.
 *
 * @param packages All that the indices name. They need not be at their paths yet.
 * @param options.signer Signs the indices; default: nothing is signed.
 * @returns In the order in which to write them: the index, which vouches for the other files, comes behind them.
 * @throws {KbuildError} An index cannot be signed.
 */
export async function repositoriesOf(
  packages: readonly WrittenPackage[],
  options: { signer?: Signer | undefined } = {},
): Promise<readonly PlacedFile[]> {
  const { signer } = options;
  const directories = new Set(packages.map(({ archive }) => dirname(archive.path)));
  const placed: PlacedFile[] = [];
  for (const directory of directories) {
    const members = packages.filter(({ archive }) => dirname(archive.path) === directory);
    const format = members[0]?.pkg.format ?? "deb";
    const files = await (format === "deb" ? aptRepository : yumRepository)(members);
    const signatures = signer === undefined
      ? []
      : (await Promise.all(files.map((file) => signaturesOf(format, file, signer)))).flat();
    for (const { name, bytes } of [...files, ...signatures]) {
      placed.push(Object.freeze({ path: join(directory, name), bytes }));
    }
  }
  return Object.freeze(placed);
}
