/** A body of known length that is read anew for each attempt, and never held in memory as a whole. */
export interface StreamedBody {
  /** Bytes. */
  readonly size: number;
  /** Starts reading it from its beginning. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * A {@linkcode StreamedBody} as `fetch` takes it. Of a stream `fetch` cannot give the length in
 * advance, and some registries refuse what comes without; of a `Blob` it gives the length and reads
 * the content bit by bit.
 */
export class StreamedBlob extends Blob {
  readonly #body: StreamedBody;
  readonly #onChunk: (bytes: number) => void;

  /** @param onChunk Receives the length of each chunk that the connection has taken. */
  constructor(body: StreamedBody, onChunk: (bytes: number) => void) {
    super();
    this.#body = body;
    this.#onChunk = onChunk;
  }

  override get size(): number {
    return this.#body.size;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const onChunk = this.#onChunk;
    return this.#body.stream().pipeThrough(
      new TransformStream({
        transform(chunk, to) {
          to.enqueue(chunk);
          onChunk(chunk.length);
        },
      }),
    );
  }
}
