import { gzip } from "../archive/mod.ts";
import { compareNames } from "../archive/mod.ts";
import { cannotRead, checkRegular } from "../files/mod.ts";
import type { DescribedFile, Package, PackageDescription, PackageFile } from "./types.ts";

/**
 * Looks at the contents of a described package: sizes of programs, bytes of texts.
 *
 * @param programs Absolute path of each program, by name.
 * @throws {KbuildError} A program cannot be read, or is not a regular file.
 */
export async function resolvePackage(
  description: PackageDescription,
  programs: Readonly<Record<string, string>>,
): Promise<Package> {
  const files = await Promise.all(description.files.map((file) => resolveFile(file, programs)));
  files.sort((a, b) => compareNames(a.path, b.path));
  return Object.freeze({ ...description, files: Object.freeze(files) });
}

async function resolveFile(
  { source, ...file }: DescribedFile,
  programs: Readonly<Record<string, string>>,
): Promise<PackageFile> {
  if (source === undefined) return Object.freeze({ ...file, type: "directory", size: 0 });
  if ("program" in source) {
    const path = programs[source.program];
    if (path === undefined) throw new TypeError(`No path of the program "${source.program}"`);
    const info = await Deno.stat(path).catch((cause: unknown) => {
      throw cannotRead(path, cause);
    });
    checkRegular(path, info, "package");
    return Object.freeze({ ...file, type: "file", size: info.size, content: { path } });
  }
  const text = new TextEncoder().encode(source.text);
  const bytes = source.gzip === true ? await packedText(text) : text;
  return Object.freeze({ ...file, type: "file", size: bytes.length, content: { bytes } });
}

/** A compressed text. Its header says that nothing compresses better, which Debian's policy asks for. */
async function packedText(text: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await gzip(text, { level: 9 });
  bytes[8] = 2; // XFL, RFC 1952, 2.3.1
  return bytes;
}
