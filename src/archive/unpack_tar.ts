import { basename, dirname } from "@std/path";
import { ifPossible, moveNew, reasonOf, removeTree, temporaryName } from "../files/mod.ts";
import { KbuildError, systemCode } from "../errors.ts";
import { readLimits } from "./read_limits.ts";
import { readTar, type ReadTarOptions } from "./read_tar.ts";
import type { TarMember } from "./tar_member.ts";
import { MemberWriter } from "./unpack_member.ts";

/** Options of {@linkcode unpackTar}. */
export interface UnpackTarOptions extends ReadTarOptions {
  /**
   * Called with each member before anything of it is written. It throws to refuse the archive, and
   * must not read the content.
   */
  accept?: (member: TarMember) => void;
}

/** What {@linkcode unpackTar} made. */
export interface UnpackedTar {
  /** How many members the archive had. */
  readonly members: number;
  /** Bytes of all files. */
  readonly size: number;
}

/**
 * Unpacks an archive that nobody vouches for into a new directory, which appears complete or not at all:
 * members are written to a directory beside it (`.kbuild-tmp-*`, mode 0700), which is renamed when the
 * whole archive was read and found good, and removed when anything fails or `signal` is aborted.
 *
 * Nothing is written outside of that directory: names with ".." or a slash in front are refused, nothing
 * goes through a link, symbolic links stay inside, hard links lead to files of this archive alone, no
 * name is taken twice (directories may come again). Devices and pipes are refused. Names are cleaned of
 * "./" and double slashes.
 *
 * Files get their time and `mode & 0755 | 0600`, directories `mode & 0755 | 0700`, whatever the umask;
 * owners, extended attributes, and times of directories and links are not restored. The new directory has
 * mode 0755, unless the archive has a member "./".
 *
 * @param source A file, or the chunks of one, gzipped or not.
 * @param target The directory to make; it may exist when it is empty. Its parent must exist.
 * @throws {KbuildError} Naming archive and member: what {@linkcode readTar} refuses, the above, more
 * than 100 directories inside one another, more than `limits.maxMembers` files and directories; the
 * target is taken, or cannot be written. Errors of `accept` and the reason of `signal` come
 * through.
 */
export async function unpackTar(
  source: AsyncIterable<Uint8Array> | string,
  target: string,
  options: UnpackTarOptions = {},
): Promise<UnpackedTar> {
  const { accept, signal, ...reading } = options;
  const label = options.label ?? (typeof source === "string" ? source : "archive");
  const { maxMembers } = readLimits(options.limits);
  signal?.throwIfAborted();
  await checkTarget(target);
  const temporary = temporaryName(target);
  await Deno.mkdir(temporary, { mode: 0o700 }).catch((cause: unknown) => {
    const notes = systemCode(cause) === "ENOENT"
      ? [`Make the directory "${dirname(target)}" first`]
      : [];
    throw cannotUse(target, reasonOf(cause), { cause, notes });
  });
  try {
    // The umask may have taken some of it.
    await Deno.chmod(temporary, 0o700);
    const writer = new MemberWriter(temporary, label, maxMembers);
    let members = 0;
    const all = readTar(source, { ...reading, label, ...(signal === undefined ? {} : { signal }) });
    for await (const member of all) {
      accept?.(member);
      await writer.write(member);
      members++;
    }
    signal?.throwIfAborted();
    await Deno.chmod(temporary, writer.rootMode);
    await moveNew(temporary, target).catch((cause: unknown) => {
      throw cannotUse(target, reasonOf(cause), { cause });
    });
    return Object.freeze({ members, size: writer.size });
  } catch (error) {
    await ifPossible(removeTree(temporary));
    throw error;
  }
}

/** A look before the work; the rename at the end replaces nothing but an empty directory anyway. */
async function checkTarget(target: string): Promise<void> {
  try {
    const { isDirectory, isSymlink } = await Deno.lstat(target);
    if (isSymlink) throw taken(target, "is a link");
    if (!isDirectory) throw taken(target, "is a file");
    for await (const { name } of Deno.readDir(target)) {
      throw taken(target, `holds "${name}"`);
    }
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return;
    throw cause instanceof KbuildError ? cause : cannotUse(target, reasonOf(cause), { cause });
  }
}

function taken(target: string, why: string): KbuildError {
  return cannotUse(target, `it ${why}`, { notes: ["Name a new directory, or an empty one"] });
}

function cannotUse(
  target: string,
  why: string,
  options: { cause?: unknown; notes?: readonly string[] },
): KbuildError {
  const where = `"${basename(target)}" in "${dirname(target)}"`;
  return new KbuildError(`Cannot unpack into ${where}: ${why}`, options);
}
