/** A stream that takes bytes at once, as `Deno.stdout` and `Deno.stderr` do. */
export interface SyncStream {
  /** Takes some of the bytes, and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Options of {@linkcode writeAllSync}. */
export interface WriteAllOptions {
  /** Whether the stream keeps unfinished lines back, as `Deno.stdout` does; default false. */
  lineBuffered?: boolean;
  /** Waits until the stream is asked again. */
  wait?: () => void;
}

/** How long a full pipe is left alone before it is asked again, in milliseconds. */
const WAIT_MS = 2;

/** Pipes take so much in one piece or not at all: the least PIPE_BUF of POSIX. */
const PIECE_BYTES = 512;

const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);

/**
 * Writes all of the bytes, also to a non-blocking stream. The mode of a pipe is shared by all
 * programs that hold it: any of them (node, ssh) may have made it non-blocking, and a full pipe then
 * answers "would block" in place of waiting for its reader.
 *
 * `Deno.stdout.writeSync` puts an unfinished line into a buffer of 1024 bytes and flushes that. When
 * it fails, it does not return how much it has taken. It therefore receives small pieces of which
 * that is certain: of whole lines nothing, of the inside of a line everything.
 *
 * @throws Whatever else the stream throws.
 */
export function writeAllSync(
  stream: SyncStream,
  bytes: Uint8Array,
  options: WriteAllOptions = {},
): void {
  const { lineBuffered = false, wait = sleepSync } = options;
  for (let rest = bytes; rest.length > 0;) {
    const piece = lineBuffered ? firstPiece(rest) : rest;
    const written = tryWrite(stream, piece);
    if (written !== undefined) {
      rest = rest.subarray(written);
      continue;
    }
    if (lineBuffered && piece.at(-1) !== NEWLINE) rest = rest.subarray(piece.length);
    // What is in the buffer goes first.
    do wait(); while (tryWrite(stream, NOTHING) === undefined);
  }
}

/** As many whole lines as a piece holds, else the beginning of the first line. */
function firstPiece(bytes: Uint8Array): Uint8Array {
  const most = bytes.subarray(0, PIECE_BYTES);
  const lines = most.lastIndexOf(NEWLINE) + 1;
  return lines === 0 ? most : most.subarray(0, lines);
}

/** Undefined if the stream is full. */
function tryWrite(stream: SyncStream, bytes: Uint8Array): number | undefined {
  try {
    return stream.writeSync(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.WouldBlock) return undefined;
    throw error;
  }
}

function sleepSync(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
}
