/** "The frame begins here", and those that hold nothing for us: 0x184D2A50 to 0x184D2A5F. */
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a5;

/**
 * Cuts a zstd stream so that every frame ends where a chunk ends, and leaves out frames to be skipped:
 * node's engine takes the rest of a chunk behind a frame's end for nothing. RFC 8878, section 3.1.
 *
 * @throws {SyntaxError} It is not zstd, or ends in the middle of a frame.
 */
export async function* zstdFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const input = new Pieces(source);
  for (let start = await input.exactly(4, true); start.length > 0;) {
    const magic = number(start);
    if (magic >>> 4 === SKIPPABLE) await input.skip(number(await input.exactly(4)));
    else if (magic !== MAGIC) throw new SyntaxError("no zstd frame begins where one should");
    else {
      yield start;
      yield* frame(input);
    }
    start = await input.exactly(4, true);
  }
}

/** A frame behind its magic number: header, blocks, checksum. */
async function* frame(input: Pieces): AsyncGenerator<Uint8Array, void> {
  const descriptor = await input.exactly(1);
  yield descriptor;
  const flags = descriptor[0]!;
  const isSingle = (flags >> 5 & 1) === 1;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
  yield await input.exactly((isSingle ? 0 : 1) + dictionaryBytes + sizeBytes);
  for (let isLast = false; !isLast;) {
    const header = await input.exactly(3);
    yield header;
    const value = number(header);
    isLast = (value & 1) === 1;
    const isRepeated = (value >> 1 & 3) === 1;
    yield* input.upTo(isRepeated ? 1 : value >> 3);
  }
  if ((flags >> 2 & 1) === 1) yield await input.exactly(4);
}

/** Little endian. */
function number(bytes: Uint8Array): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

/** A stream that is read in wanted sizes. */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Exactly `size` bytes; none at the end of the stream, where it may end. */
  async exactly(size: number, mayEnd = false): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    let at = 0;
    for await (const part of this.upTo(size, mayEnd)) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes.subarray(0, at);
  }

  async skip(size: number): Promise<void> {
    for await (const _ of this.upTo(size));
  }

  /** `size` bytes in parts. */
  async *upTo(size: number, mayEnd = false): AsyncGenerator<Uint8Array, void> {
    for (let left = size; left > 0;) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) {
          if (mayEnd && left === size) return;
          throw new SyntaxError("it ends in the middle of a zstd frame");
        }
        this.#rest = next.value;
        continue;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
}
