import { join } from "@std/path";
import { moveNew, removeTree } from "../files/mod.ts";
import { quoteName, type TarMember, unpackTar } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";

/** More than any Go has; a hostile archive must not fill the disk. */
const MAX_BYTES = 4 * 2 ** 30;

/**
 * Unpacks Go's official archive, whose members are all below `go/`, into a new directory. Links and
 * devices are refused, and so is every name that leads elsewhere: Go's archives have none.
 *
 * @param archive A `.tar.gz`, checked before.
 * @param directory Takes `go/…`; the caller removes it after an error.
 * @returns Bytes of all files.
 * @throws {KbuildError} The archive is damaged, or is not one of Go's.
 */
export async function unpackGo(
  archive: string,
  directory: string,
  options: { label: string; signal?: AbortSignal | undefined },
): Promise<number> {
  const { label, signal } = options;
  const unpacked = join(directory, "unpacked");
  let found = false;
  const { size } = await unpackTar(archive, unpacked, {
    label,
    limits: { maxBytes: MAX_BYTES },
    accept: (member) => {
      check(member, label);
      found = true;
    },
    ...(signal === undefined ? {} : { signal }),
  });
  if (!found) throw refuse(label, "it is empty");
  await moveNew(join(unpacked, "go"), join(directory, "go"));
  await removeTree(unpacked);
  return size;
}

function check({ name, type }: TarMember, label: string): void {
  const parts = name.replace(/\/$/, "").split("/");
  const strange = parts.some((part) => part === "" || part === "." || part === "..");
  if (parts[0] !== "go" || strange) throw refuse(label, `it holds ${quoteName(name)}`);
  if (type !== "file" && type !== "directory") {
    throw refuse(label, `${quoteName(name)} is a ${type}`);
  }
}

function refuse(label: string, why: string): KbuildError {
  return new KbuildError(`Cannot unpack "${label}": ${why}`, {
    notes: ["This is not an archive of Go as its makers publish it: check KBUILD_GO_MIRROR"],
  });
}
