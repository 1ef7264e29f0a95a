/**
 * The chunks of a generator, each taken in a way that turns failures into others.
 *
 * @param attempt Does what takes the next chunk.
 */
export async function* eachChunk(
  chunks: AsyncGenerator<Uint8Array, void>,
  attempt: <T>(next: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Uint8Array, void> {
  try {
    while (true) {
      const next = await attempt(() => chunks.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return();
  }
}
