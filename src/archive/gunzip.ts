import { createGunzip } from "node:zlib";
import { KbuildError } from "../errors.ts";
import {
  beyondLimit,
  bytesText,
  RATIO_FREE_BYTES,
  type ReadLimits,
  readLimits,
} from "./read_limits.ts";

/** Options of {@linkcode gunzip}. */
export interface GunzipOptions {
  /** Replaces some of the default limits; `maxBytes` and `maxRatio` count here. */
  limits?: Partial<ReadLimits>;
}

/** zlib's message for something that is not the header of a gzip member. */
const NO_HEADER = /incorrect header check|unknown compression method|unknown header flags/;

/**
 * Decompresses a gzip stream of one or more members, checksums checked, in bounded chunks, however
 * well the input was compressed. Zeros behind the last member are passed over, as GNU gzip does (tar
 * and tapes fill their last record so); anything else there is refused.
 *
 * @param label What the user knows the input by.
 * @throws {KbuildError} The input is damaged, cut off, followed by something else, or beyond a
 * limit. Errors of `source` come through.
 */
export async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  label: string,
  options: GunzipOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const limits = readLimits(options.limits);
  using engine = new Engine();
  let given = 0;
  let made = 0;
  const start: number[] = [];
  const checked = (part: Uint8Array) => {
    made += part.length;
    checkSize(label, limits, made, engine.taken);
    return part;
  };
  try {
    for await (const chunk of source) {
      if (start.length < 4) start.push(...chunk.subarray(0, 4 - start.length));
      for await (const part of engine.write(chunk)) yield checked(part);
      // What zlib leaves of a chunk follows the end, whether it has reported the end or not.
      const unused = chunk.subarray(Math.max(0, engine.taken - given));
      given += chunk.length;
      if (unused.length > 0) engine.ended = true;
      if (unused.some((byte) => byte !== 0)) throw trailing(label);
    }
    for await (const part of engine.finish()) yield checked(part);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    if (isHeader(start) && cause.noHeader) throw trailing(label, cause);
    throw new KbuildError(`Cannot decompress "${label}": ${cause.message}`, {
      cause,
      notes: ["The file is damaged or was not copied completely: get it again"],
    });
  }
}

/** Magic, deflate, and no flag that is not defined (RFC 1952): then zlib's complaint is about a later one. */
function isHeader([first, second, method, flags = 0xff]: readonly number[]): boolean {
  return first === 0x1f && second === 0x8b && method === 8 && (flags & 0xe0) === 0;
}

/** What zlib says about its input, apart from what the input's source says. */
class EngineError extends Error {
  /** Whether it wants the header of a member: zlib has the same code for all that is wrong with data. */
  readonly noHeader: boolean;

  constructor(cause: Error) {
    super(cause.message, { cause });
    // deno-lint-ignore kbuild/texts-are-for-people
    this.noHeader = NO_HEADER.test(cause.message);
  }
}

/** zlib's decompressor, fed chunk by chunk: it is known how much of its input it has used. */
class Engine {
  readonly #zlib = createGunzip({ chunkSize: 1 << 18 });
  #error: Error | undefined;
  #wake: () => void = () => {};
  /** Whether the last member has ended, and something that is not another one follows. */
  ended = false;

  constructor() {
    this.#zlib.on("readable", () => this.#wake());
    this.#zlib.on("end", () => {
      this.ended = true;
      this.#wake();
    });
    this.#zlib.on("error", (error: Error) => {
      this.#error = error;
      this.#wake();
    });
  }

  /** Bytes of input used so far. */
  get taken(): number {
    return this.#zlib.bytesWritten;
  }

  /** What a chunk of input gives; nothing once all has ended. */
  async *write(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
    if (this.ended || chunk.length === 0) return;
    let used = false;
    this.#zlib.write(chunk, () => {
      used = true;
      this.#wake();
    });
    yield* this.#read(() => used);
  }

  /** What is left when there is no more input. */
  async *finish(): AsyncGenerator<Uint8Array, void> {
    if (this.ended) return;
    this.#zlib.end();
    yield* this.#read(() => false);
  }

  async *#read(isDone: () => boolean): AsyncGenerator<Uint8Array, void> {
    while (true) {
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      const part: Uint8Array | null = this.#zlib.read();
      if (part !== null) {
        yield part;
      } else if (this.#error !== undefined) {
        throw new EngineError(this.#error);
      } else if (this.ended || isDone()) {
        return;
      } else {
        await woken;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#zlib.destroy();
  }
}

function checkSize(label: string, limits: ReadLimits, made: number, taken: number): void {
  const { maxBytes, maxRatio } = limits;
  if (made > maxBytes) {
    throw beyondLimit(label, `it unpacks to more than ${bytesText(maxBytes)}`, "maxBytes");
  }
  if (made > RATIO_FREE_BYTES && made > maxRatio * taken) {
    const what = `its first ${bytesText(taken)} unpack to more than ${maxRatio} times as much`;
    throw beyondLimit(label, what, "maxRatio");
  }
}

function trailing(label: string, cause?: unknown): KbuildError {
  return new KbuildError(
    `Cannot decompress "${label}": something that is not gzip follows its end`,
    { cause, notes: ["The file was changed after it was made: get it again"] },
  );
}
