import { Readable } from "node:stream";
// Node.js 20 lacks zstd, and must be able to load this module all the same.
import * as zlib from "node:zlib";
import { KbuildError } from "../errors.ts";
import { maybeGunzip } from "../archive/mod.ts";
import { zstdFrames } from "./zstd_frames.ts";

const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/**
 * Decompresses a layer's blob when its first bytes say gzip or zstd, else hands it through.
 *
 * @param label What the user knows it by.
 * @throws {KbuildError} It is damaged or cut off.
 */
export async function* unzipLayer(
  source: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array, void> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    if (first.done === true) return;
    const all = joined(first.value, chunks);
    const isZstd = ZSTD.every((byte, index) => first.value[index] === byte);
    yield* isZstd ? unzstd(all, label) : maybeGunzip(all, label);
  } finally {
    await chunks.return?.();
  }
}

async function* joined(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  yield first;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

async function* unzstd(
  source: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array, void> {
  const input = Readable.from(zstdFrames(source), { objectMode: false });
  const engine = zlib.createZstdDecompress();
  let failure: unknown;
  // An error of the source is the user's to see, not the engine's that follows.
  input.on("error", (error) => {
    failure = error;
    engine.destroy(error);
  });
  try {
    for await (const chunk of input.pipe(engine)) yield chunk;
  } catch (cause) {
    if (failure !== undefined && !(failure instanceof SyntaxError)) throw failure;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new KbuildError(`Cannot decompress "${label}": ${words}`, {
      cause,
      notes: ["The file is damaged or was not copied completely: get it again"],
    });
  } finally {
    engine.destroy();
    input.destroy();
  }
}
