import { gunzip, type GunzipOptions } from "./gunzip.ts";

/** Whether bytes start as gzip does. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/**
 * Decompresses when the first bytes say gzip, else hands the input through.
 *
 * @throws {KbuildError} As {@linkcode gunzip} does.
 */
export async function* maybeGunzip(
  source: AsyncIterable<Uint8Array>,
  label: string,
  options: GunzipOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let known = 0;
  while (known < 2) {
    const { value, done } = await chunks.next();
    if (done) break;
    first.push(value);
    known += value.length;
  }
  const start = new Uint8Array(first.flatMap((part) => [...part.subarray(0, 2)]).slice(0, 2));
  async function* whole(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* first;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  yield* isGzip(start) ? gunzip(whole(), label, options) : whole();
}
