import { createHash } from "node:crypto";
import { compareNames, gzip } from "../archive/mod.ts";
import { controlText } from "./control.ts";
import { dataEntries } from "./deb.ts";
import { changelogDate } from "./documents.ts";
import type { RepositoryFile, WrittenPackage } from "./package_archive.ts";

/**
 * The index of a flat apt repository: the control file of each deb, with name, size and digest
 * (Debian's policy, 5; the wiki's DebianRepository/Format).
 *
 * @param debs All in one directory, in any order.
 */
export function packagesText(debs: readonly WrittenPackage[]): string {
  const paragraphs = debs.map(({ pkg, archive }) => {
    const directories = dataEntries(pkg).filter(({ type }) => type === "directory").length;
    const file = archive.path.slice(archive.path.lastIndexOf("/") + 1);
    // Where dpkg-scanpackages has them.
    const [fields = "", others = ""] = controlText(pkg, directories).split(
      /^(?=Section: )/m,
    );
    const about = `Filename: ./${file}\nSize: ${archive.size}\nSHA256: ${archive.sha256}\n`;
    return { file, text: `${fields}${about}${others}` };
  });
  paragraphs.sort((a, b) => compareNames(a.file, b.file));
  return paragraphs.map(({ text }) => text).join("\n");
}

/** The file that vouches for the index of a flat apt repository. */
export function releaseText(
  indices: readonly RepositoryFile[],
  { architectures, epoch }: { architectures: readonly string[]; epoch: number },
): string {
  const lines = indices.map(({ name, bytes }) => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    return ` ${digest} ${bytes.length} ${name}\n`;
  });
  const date = changelogDate(epoch).replace("+0000", "UTC");
  return [
    "Origin: Kubernetes\n",
    "Label: Kubernetes, packaged by kbuild\n",
    `Architectures: ${[...new Set(architectures)].sort().join(" ")}\n`,
    `Date: ${date}\n`,
    "SHA256:\n",
    ...lines,
  ].join("");
}

/** The files of a flat apt repository over debs in one directory, in the order in which to write them. */
export async function aptRepository(
  debs: readonly WrittenPackage[],
): Promise<readonly RepositoryFile[]> {
  const encoder = new TextEncoder();
  const index = encoder.encode(packagesText(debs));
  const indices: readonly RepositoryFile[] = [
    { name: "Packages", bytes: index },
    { name: "Packages.gz", bytes: await gzip(index, { level: 9 }) },
  ];
  const release = releaseText(indices, {
    architectures: debs.map(({ pkg }) => pkg.arch),
    epoch: Math.max(...debs.map(({ pkg }) => pkg.epoch)),
  });
  return Object.freeze([...indices, { name: "Release", bytes: encoder.encode(release) }]);
}
