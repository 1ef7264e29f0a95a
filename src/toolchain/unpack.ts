import { dirname, join } from "@std/path";
import { readTar, type TarMember, writeAll } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";

/** More than any Go has; a hostile archive must not fill the disk. */
const MAX_BYTES = 4 * 2 ** 30;

/**
 * Unpacks Go's official archive, whose members all lie below `go/`, into a new folder. Links and
 * devices are refused, and so is every name that leads elsewhere: Go's archives have none.
 *
 * @param archive A `.tar.gz`, checked before.
 * @param folder Takes `go/…`; the caller removes it after an error.
 * @returns Bytes of all files.
 * @throws {KbuildError} The archive is damaged, or is none of Go's.
 */
export async function unpackGo(
  archive: string,
  folder: string,
  options: { label: string; signal?: AbortSignal | undefined },
): Promise<number> {
  const { label, signal } = options;
  const made = new Set<string>();
  const makeFolder = async (path: string) => {
    if (made.has(path)) return;
    await Deno.mkdir(path, { recursive: true });
    made.add(path);
  };
  let size = 0;
  const reading = readTar(archive, { label, ...(signal === undefined ? {} : { signal }) });
  for await (const member of reading) {
    const path = join(folder, checkedName(member, label));
    if (member.type === "directory") {
      await makeFolder(path);
      continue;
    }
    size += member.size;
    if (size > MAX_BYTES) throw refuse(label, "it holds more than 4 GiB");
    await makeFolder(dirname(path));
    const mode = (member.mode & 0o111) === 0 ? 0o644 : 0o755;
    const file = await Deno.open(path, { write: true, createNew: true, mode }).catch((error) => {
      throw refuse(label, `"${member.name}" cannot be made`, error);
    });
    try {
      for await (const chunk of member.chunks()) writeAll(path, file, chunk);
      // Up to 1.9 Go rebuilds its library when the sources look newer than what is compiled.
      await file.utime(member.mtime, member.mtime);
    } finally {
      file.close();
    }
  }
  return size;
}

function checkedName({ name, type }: TarMember, label: string): string {
  const parts = name.replace(/\/$/, "").split("/");
  const strange = parts.some((part) => part === "" || part === "." || part === "..");
  if (parts[0] !== "go" || strange) throw refuse(label, `it holds "${name}"`);
  if (type !== "file" && type !== "directory") throw refuse(label, `"${name}" is a ${type}`);
  return parts.join("/");
}

function refuse(label: string, why: string, cause?: unknown): KbuildError {
  return new KbuildError(`Cannot unpack "${label}": ${why}`, {
    notes: ["This is no archive of Go as its makers publish it: check KBUILD_GO_MIRROR"],
    cause,
  });
}
