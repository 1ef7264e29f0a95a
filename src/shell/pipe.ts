import type { CommandContext } from "dax";

/** Bytes that wait in a pipe before its writer does. */
const CAPACITY = 1 << 20;

/** A pipe of dax, which has no limit, and does not say when its reader has ended. */
interface Pipe {
  /** Bytes that are written and not read. */
  waiting: number;
  hasReader: boolean;
  isClosed: boolean;
  /** Let writers look again. */
  readonly wakers: Set<() => void>;
}

const pipes = new WeakMap<object, Pipe>();

function pipeOf(key: object): Pipe {
  let pipe = pipes.get(key);
  if (pipe === undefined) {
    pipe = { waiting: 0, hasReader: false, isClosed: false, wakers: new Set() };
    pipes.set(key, pipe);
  }
  return pipe;
}

function wakeWriters({ wakers }: Pipe): void {
  for (const wake of wakers) wake();
  wakers.clear();
}

/** What a program reads, until {@linkcode PipeReader.end}. */
export interface PipeReader extends AsyncIterable<Uint8Array> {
  /** Says that nothing more is read. */
  end(): void;
}

/** Reads the stdin of a program of a template; undefined if it has none. */
export function pipeReader(stdin: CommandContext["stdin"]): PipeReader | undefined {
  if (typeof stdin === "string") return undefined;
  const pipe = pipeOf(stdin);
  pipe.hasReader = true;
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const buffer = new Uint8Array(64 * 1024);
        const size = await stdin.read(buffer);
        if (size === null || size === 0) return;
        pipe.waiting -= size;
        wakeWriters(pipe);
        yield buffer.subarray(0, size);
      }
    },
    end() {
      pipe.isClosed = true;
      wakeWriters(pipe);
    },
  };
}

/** Chunks as dax reads them; `end` lets their source tidy up. */
export function readerOf(
  chunks: AsyncIterable<Uint8Array>,
): { read(buffer: Uint8Array): Promise<number | null>; end(): void } {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async read(buffer) {
      while (rest.length === 0) {
        const { done, value } = await iterator.next();
        if (done === true) return null;
        rest = value;
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    end: () => void iterator.return?.(),
  };
}

/**
 * Writes the output of a program of a template to where it leads.
 *
 * @param onClosed Called for output that nobody reads any more.
 */
export function pipeWriter(
  output: CommandContext["stdout"],
  onClosed: () => void,
): (chunk: Uint8Array) => Promise<void> {
  // What a reader has as its stdin; dax's types do not name it.
  const { inner } = output as { inner?: object };
  const pipe = inner === undefined ? undefined : pipeOf(inner);
  return async (chunk) => {
    if (pipe?.isClosed === true) return onClosed();
    await output.writeAll(chunk);
    if (pipe === undefined) return;
    pipe.waiting += chunk.length;
    while (pipe.hasReader && !pipe.isClosed && pipe.waiting > CAPACITY) {
      await new Promise<void>((resolve) => pipe.wakers.add(resolve));
    }
  };
}
