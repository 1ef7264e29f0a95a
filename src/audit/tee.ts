/** A stream of chunks that several readers follow one after the other, each chunk seen once. */
export class Tee {
  readonly #source: AsyncGenerator<Uint8Array, void>;
  readonly #ahead: Uint8Array[] = [];
  /** What the source itself threw. */
  failure: unknown;

  /** @param see Called with every chunk, in their order. */
  constructor(source: AsyncIterable<Uint8Array>, see: (chunk: Uint8Array) => void) {
    const run = async function* (tee: Tee): AsyncGenerator<Uint8Array, void> {
      try {
        for await (const chunk of source) {
          see(chunk);
          yield chunk;
        }
      } catch (error) {
        tee.failure = error;
        throw error;
      }
    };
    this.#source = run(this);
  }

  /** The first bytes: `count`, fewer where there are no more. They are read again by chunks(). */
  async peek(count: number): Promise<Uint8Array> {
    let known = 0;
    while (known < count) {
      const { value, done } = await this.#source.next();
      if (done) break;
      this.#ahead.push(value);
      known += value.length;
    }
    const head = new Uint8Array(Math.min(count, known));
    let at = 0;
    for (const chunk of this.#ahead) {
      const part = chunk.subarray(0, head.length - at);
      head.set(part, at);
      at += part.length;
    }
    return head;
  }

  /** What was not read yet. Leaving the loop does not end the source. */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    while (true) {
      const ahead = this.#ahead.shift();
      if (ahead !== undefined) {
        yield ahead;
        continue;
      }
      const { value, done } = await this.#source.next();
      if (done) return;
      yield value;
    }
  }

  /** Reads what is left. */
  async drain(): Promise<void> {
    for await (const _ of this.chunks());
  }
}
