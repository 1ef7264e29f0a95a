import { CHUNK_SIZE } from "../files/mod.ts";
import { BLOCK_SIZE, paddingOf } from "./header.ts";
import { HeaderError, isZeroBlock, parseHeader, type RawHeader } from "./parse_header.ts";

/** An archive whose headers are being read: the one that is written, or one inside it. */
interface Archive {
  /** Where it ends. */
  readonly end: number;
  /** Where its members' headers go on. */
  next: number;
}

/**
 * Finds in a tar that passes by where the contents of 1 MiB and more begin and end, also those of
 * archives that are members of it: the layer of an image in a server tarball. Compressed blocks that
 * start anew there are the same for a program wherever it is packed.
 *
 * The places depend on the bytes of the tar alone. What cannot be understood has none; no input is
 * an error.
 */
export class FlushPoints {
  readonly #archives: Archive[] = [{ end: Infinity, next: 0 }];
  readonly #header = new Uint8Array(BLOCK_SIZE);
  #at = 0;

  /**
   * Takes the next bytes.
   *
   * @returns Offsets in `chunk`, ascending.
   */
  find(chunk: Uint8Array): readonly number[] {
    const points: number[] = [];
    const start = this.#at;
    const end = start + chunk.length;
    while (this.#at < end) {
      const archive = this.#archives.at(-1)!;
      if (this.#at < archive.next) {
        this.#at = Math.min(archive.next, archive.end, end);
      } else {
        const until = Math.min(archive.next + BLOCK_SIZE, archive.end, end);
        const have = this.#at - archive.next;
        this.#header.set(chunk.subarray(this.#at - start, until - start), have);
        this.#at = until;
        if (until === archive.next + BLOCK_SIZE) {
          this.#open(archive, (at) => points.push(at - start));
        }
      }
      while (this.#at === this.#archives.at(-1)!.end) {
        points.push(this.#at - start);
        this.#archives.pop();
      }
    }
    return points;
  }

  /** Reads the header that ends here, and enters a large content as if it were an archive. */
  #open(archive: Archive, add: (at: number) => void): void {
    const raw = readHeader(this.#header);
    if (raw === undefined) {
      archive.next = Infinity;
      return;
    }
    const size = hasContent(raw.typeFlag) ? raw.size : 0;
    archive.next = this.#at + size + paddingOf(size);
    const end = this.#at + size;
    if (size < CHUNK_SIZE || end > archive.end) return;
    add(this.#at);
    this.#archives.push({ end, next: this.#at });
  }
}

/** Files and extended headers; some writers put a size into other headers all the same. */
function hasContent(typeFlag: string): boolean {
  return "0\x007xgLK".includes(typeFlag);
}

/** Undefined for the end of an archive and for a block that is not a header. */
function readHeader(block: Uint8Array): RawHeader | undefined {
  if (isZeroBlock(block)) return undefined;
  try {
    return parseHeader(block);
  } catch (error) {
    if (error instanceof HeaderError) return undefined;
    throw error;
  }
}
