/** Damage to any bytes, which a seed decides. */
import { concat } from "../../src/archive/mod.ts";
import { Dice } from "../archive/_mutations.ts";

/** Numbers at which readers' arithmetic goes wrong. */
const EXTREMES = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];

/**
 * One of the originals with one to four faults: bits, bytes, extreme numbers, pieces that are missing,
 * repeated, moved or taken from another original, and words of the format.
 *
 * @param tokens Words that the format's reader looks for.
 */
export function damage(
  originals: readonly Uint8Array[],
  tokens: readonly string[],
  seed: number,
  index: number,
): Uint8Array {
  const dice = new Dice(Math.imul(seed, 1_000_003) + index);
  let bytes = dice.pick(originals).slice();
  for (let faults = 1 + dice.below(4); faults > 0; faults--) {
    bytes = fault(bytes, dice, originals, tokens);
  }
  return bytes;
}

function fault(
  bytes: Uint8Array<ArrayBuffer>,
  dice: Dice,
  originals: readonly Uint8Array[],
  tokens: readonly string[],
): Uint8Array<ArrayBuffer> {
  const at = dice.below(bytes.length + 1);
  const length = dice.below(Math.min(64, bytes.length - at) + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const rest = bytes.subarray(at + length);
  switch (dice.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << dice.below(8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = dice.below(256);
      return bytes;
    case 2: {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const little = dice.below(2) === 0;
      if (at + 4 <= bytes.length) view.setUint32(at, dice.pick(EXTREMES), little);
      return bytes;
    }
    case 3:
      return concat([before]);
    case 4:
      return concat([before, rest]);
    case 5: {
      const piece = bytes.subarray(at, at + length);
      return concat([before, ...Array.from({ length: 1 + dice.below(40) }, () => piece), rest]);
    }
    case 6: {
      const other = dice.pick(originals);
      const start = dice.below(other.length + 1);
      return concat([before, other.subarray(start, start + 1 + dice.below(256)), rest]);
    }
    default: {
      const token = tokens.length === 0 ? "\0" : dice.pick(tokens);
      return concat([before, new TextEncoder().encode(token.repeat(1 + dice.below(3))), after]);
    }
  }
}
