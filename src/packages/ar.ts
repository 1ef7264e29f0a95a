import { KbuildError } from "../errors.ts";

/** Beginning of every `ar` archive. */
export const AR_MAGIC = "!<arch>\n";

/** Bytes of the header in front of each member. */
export const AR_HEADER_BYTES = 60;

/**
 * The header of a member of an `ar` archive, in the common form that dpkg reads (deb(5)): owner 0, mode
 * 0100644. The content is padded to an even number of bytes.
 *
 * @param name At most 16 bytes, ASCII.
 * @param options.mtime Seconds since 1970.
 * @param options.size Bytes of the content.
 * @throws {KbuildError} A value does not fit.
 */
export function arHeader(
  name: string,
  { mtime, size }: { mtime: number; size: number },
): Uint8Array<ArrayBuffer> {
  const fields: readonly (readonly [string, number])[] = [
    [name, 16],
    [`${mtime}`, 12],
    ["0", 6],
    ["0", 6],
    ["100644", 8],
    [`${size}`, 10],
  ];
  const wide = fields.find(([text, width]) => text.length > width);
  if (wide !== undefined) {
    throw new KbuildError(
      `Cannot put "${name}" into a deb: "${wide[0]}" has no room in its header`,
    );
  }
  const text = fields.map(([text, width]) => text.padEnd(width)).join("");
  return new TextEncoder().encode(`${text}\`\n`);
}
