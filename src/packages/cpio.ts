import { KbuildError } from "../errors.ts";

/** Fields of a member of a cpio archive. */
export interface CpioMember {
  /** `./usr/bin/kubelet`. */
  readonly name: string;
  /** Different for each member. */
  readonly inode: number;
  /** Type and permissions: 0o100755. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Bytes of the content. */
  readonly size: number;
}

/** Bytes of padding behind `size` bytes: members and contents begin at multiples of four. */
export function cpioPadding(size: number): number {
  return (4 - size % 4) % 4;
}

/**
 * The header of a member in the portable ASCII form (`newc`, cpio(5)) with its name: thirteen numbers of
 * eight hexadecimal digits, the name with a NUL, padding. Owner is root.
 *
 * @throws {KbuildError} A number does not fit.
 */
export function cpioHeader(
  { name, inode, mode, mtime, size }: CpioMember,
): Uint8Array<ArrayBuffer> {
  return header(name, { inode, mode, mtime, size, device: 1 });
}

/** The member that ends an archive. */
export function cpioTrailer(): Uint8Array<ArrayBuffer> {
  return header("TRAILER!!!", { inode: 0, mode: 0, mtime: 0, size: 0, device: 0 });
}

function header(
  name: string,
  { inode, mode, mtime, size, device }: Omit<CpioMember, "name"> & { device: number },
): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(`${name}\0`);
  // inode, mode, uid, gid, links, mtime, size, device of the file, device that it is, name, checksum
  const fields = [inode, mode, 0, 0, 1, mtime, size, 0, device, 0, 0, encoded.length, 0];
  const wrong = fields.find((field) => field < 0 || field > 0xffffffff);
  if (wrong !== undefined) {
    throw new KbuildError(`Cannot put "${name}" into an rpm: ${wrong} has no room in its header`);
  }
  const text = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  const bytes = new Uint8Array(110 + encoded.length + cpioPadding(110 + encoded.length));
  bytes.set(new TextEncoder().encode(`070701${text}`));
  bytes.set(encoded, 110);
  return bytes;
}
