/** Feeds one reader with damaged inputs, and tells before each which it is. */
import { KbuildError } from "../../src/errors.ts";
import { damage } from "./_damage.ts";
import { type Parser, PARSERS } from "./_parsers.ts";

/** What the worker is asked for. */
export interface FuzzJob {
  readonly name: string;
  readonly seed: number;
  readonly from: number;
  readonly until: number;
  readonly dir: string;
}

/** What it answers: before each input, after a failure (the last), at the end. */
export type FuzzNews =
  | { readonly at: number }
  | { readonly at: number; readonly failure: string }
  | { readonly read: number; readonly refused: number };

/** No input, a few kilobytes each, may take longer; a second try tells a busy machine from a loop. */
const MAX_MS = 2000;
/** What the process may grow by while it reads thousands of small inputs. */
const MAX_GROWTH = 512 << 20;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<FuzzJob>) => void;
  postMessage: (news: FuzzNews) => void;
};

scope.onmessage = async ({ data: { name, seed, from, until, dir } }) => {
  const parser = PARSERS[name]!;
  const memory = Deno.memoryUsage().rss;
  const count = { read: 0, refused: 0 };
  for (let at = from; at < until; at++) {
    scope.postMessage({ at });
    const bytes = damage(parser.originals, parser.tokens, seed, at);
    try {
      let took = await timed(parser, bytes, dir, count);
      if (took > MAX_MS) took = await timed(parser, bytes, dir, count);
      if (took > MAX_MS) throw new Error(`It took ${took.toFixed(0)} ms`);
      const growth = Deno.memoryUsage().rss - memory;
      if (growth > MAX_GROWTH) throw new Error(`The process grew by ${growth >> 20} MiB`);
    } catch (error) {
      return scope.postMessage({ at, failure: error instanceof Error ? error.stack! : `${error}` });
    }
  }
  scope.postMessage(count);
};

async function timed(
  parser: Parser,
  bytes: Uint8Array,
  dir: string,
  count: { read: number; refused: number },
): Promise<number> {
  const started = performance.now();
  try {
    await parser.read(bytes, dir);
    count.read++;
  } catch (error) {
    const isDocumented = error instanceof KbuildError ||
      parser.errors?.some((kind) => error instanceof kind);
    if (!isDocumented) throw error;
    count.refused++;
  }
  return performance.now() - started;
}
