/** Lists and unpacks damaged archives, one after the other, and tells before each which it is. */
import { readTar, unpackTar } from "../../src/archive/mod.ts";
import { assertClear, inPieces, Playground } from "./_hostile.ts";
import { mutate } from "./_mutations.ts";

/** What the worker is asked for. */
export interface FuzzJob {
  readonly seed: number;
  readonly from: number;
  readonly until: number;
  readonly directory: string;
}

/** What it answers: before each archive, after a failure (the last), at the end. */
export type FuzzNews =
  | { readonly at: number }
  | { readonly at: number; readonly failure: string }
  | { readonly refused: number; readonly unpacked: number };

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<FuzzJob>) => void;
  postMessage: (news: FuzzNews) => void;
};

scope.onmessage = async ({ data: { seed, from, until, directory } }) => {
  const place = new Playground(directory);
  const count = { refused: 0, unpacked: 0 };
  for (let at = from; at < until; at++) {
    scope.postMessage({ at });
    try {
      count[await check(place, mutate(seed, at), at)]++;
    } catch (error) {
      return scope.postMessage({ at, failure: error instanceof Error ? error.stack! : `${error}` });
    }
  }
  scope.postMessage(count);
};

async function check(
  place: Playground,
  bytes: Uint8Array,
  at: number,
): Promise<"refused" | "unpacked"> {
  const options = { label: "x.tar", limits: { maxBytes: 64 << 20 } };
  const step = [100, 4096, 1 << 20][at % 3]!;
  let listed = true;
  try {
    for await (const _ of readTar(inPieces(bytes, step), options));
  } catch (error) {
    assertClear(error, "x.tar");
    listed = false;
  }
  try {
    await unpackTar(inPieces(bytes, step), place.target, options);
  } catch (error) {
    assertClear(error, "x.tar");
    place.untouched("after a refused archive");
    return "refused";
  }
  if (!listed) throw new Error("it was unpacked, but could not be listed");
  place.untouched("after an unpacked archive");
  place.made();
  place.clear();
  return "unpacked";
}
