/** The input ended where more was needed. */
export class EndOfInput extends Error {
  /** How many bytes were still wanted. */
  readonly missing: number;

  /**
   * Makes the error.
   *
   * @param missing How many bytes were still wanted.
   */
  constructor(missing: number) {
    super(`Input ends ${missing} bytes too early`);
    this.missing = missing;
  }
}

/** Reads a stream of chunks by exact lengths. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;
  /** Bytes taken so far. */
  offset = 0;

  /**
   * Reads from the beginning.
   *
   * @param source Chunks of any sizes.
   */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The next 1 to `limit` bytes, or undefined at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      if (this.#ended) return undefined;
      const { value, done } = await this.#chunks.next();
      if (done) this.#ended = true;
      else this.#rest = value;
    }
    const part = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(part.length);
    this.offset += part.length;
    return part;
  }

  /**
   * Exactly `count` bytes, in memory of their own.
   *
   * @throws {EndOfInput} Fewer are left.
   */
  async exactly(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const part = await this.some(count - filled);
      if (part === undefined) throw new EndOfInput(count - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /**
   * Passes over `count` bytes.
   *
   * @throws {EndOfInput} Fewer are left.
   */
  async skip(count: number): Promise<void> {
    while (count > 0) {
      const part = await this.some(count);
      if (part === undefined) throw new EndOfInput(count);
      count -= part.length;
    }
  }

  /** Ends the source. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#chunks.return?.();
  }
}
