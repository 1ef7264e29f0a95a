import { dirname, join } from "@std/path";
import { writeFileAtomic } from "../files/mod.ts";
import { aptRepository } from "./apt_repository.ts";
import type { WrittenPackage } from "./package_archive.ts";
import type { Package } from "./types.ts";
import { yumRepository } from "./yum_repository.ts";

/** Names of the files that {@linkcode writeRepositories} makes in a directory of packages. */
export function repositoryFiles(format: Package["format"]): readonly string[] {
  return format === "deb"
    ? ["Packages", "Packages.gz", "Release"]
    : ["primary", "filelists", "other"].map((name) => `repodata/${name}.xml.gz`)
      .concat("repodata/repomd.xml");
}

/**
 * Makes each directory of packages a repository: a flat one for apt over debs, one with `repodata` for dnf
 * and yum over rpms. The index, which vouches for the other files, is written last.
 *
 * @param packages All that the indices name.
 * @returns Absolute paths of what was written.
 * @throws {KbuildError} A file cannot be written.
 */
export async function writeRepositories(
  packages: readonly WrittenPackage[],
): Promise<readonly string[]> {
  const directories = new Set(packages.map(({ archive }) => dirname(archive.path)));
  const written: string[] = [];
  for (const directory of directories) {
    const members = packages.filter(({ archive }) => dirname(archive.path) === directory);
    const isDeb = members[0]?.pkg.format === "deb";
    for (const { name, bytes } of await (isDeb ? aptRepository : yumRepository)(members)) {
      const path = join(directory, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(path, bytes);
      written.push(path);
    }
  }
  return Object.freeze(written);
}
