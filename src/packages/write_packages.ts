import { join } from "@std/path";
import type { Deflater } from "../archive/mod.ts";
import { writeDeb } from "./deb.ts";
import type { PlannedPackage } from "./prepare.ts";
import type { WrittenPackage } from "./package_archive.ts";
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
