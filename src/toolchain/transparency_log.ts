import { createHash } from "node:crypto";

/** Bytes of a hash (SHA-256). */
const HASH = 32;
/** A tile has the hashes of 2^8 neighbouring subtrees. */
const TILE_HEIGHT = 8;
const TILE_WIDTH = 2 ** TILE_HEIGHT;

/**
 * Reads a tile of a log.
 *
 * @param path Path below the log's URL, as {@linkcode tilePath} gives it.
 * @param bytes Its size.
 */
export type ReadTile = (path: string, bytes: number) => Promise<Uint8Array>;

/** Hash of a record in a log (RFC 6962, 2.1). */
export function recordHash(record: string): Uint8Array {
  return createHash("sha256").update("\0").update(record).digest();
}

/**
 * Hash of a whole log, computed from one of its records and the log's tiles. If it is the hash that
 * the log's signed tree has, the record is in that log (RFC 6962, 2.1.1); what the tiles hold needs no
 * check of its own.
 *
 * @param record Hash of the record.
 * @param index Number of the record.
 * @param size Number of records in the log, larger than `index`.
 */
export async function treeHash(
  record: Uint8Array,
  { index, size }: { index: number; size: number },
  readTile: ReadTile,
): Promise<Uint8Array> {
  const log = new Log(size, readTile);
  return await log.rangeWith(record, index, 0, size);
}

/** Path of a tile: "tile/8/0/x001/234", for one that is not complete "tile/8/0/x001/234.p/17". */
export function tilePath(level: number, number: number, width: number): string {
  const digits = String(number);
  const parts = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g) ?? [];
  const last = parts.pop();
  const name = [...parts.map((part) => `x${part}`), last].join("/");
  return `tile/${TILE_HEIGHT}/${level}/${name}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

class Log {
  readonly #size: number;
  readonly #readTile: ReadTile;
  readonly #tiles = new Map<string, Promise<Uint8Array>>();

  constructor(size: number, readTile: ReadTile) {
    this.#size = size;
    this.#readTile = readTile;
  }

  /** Hash of the records from `low` to before `high`, of which `record` is number `index`. */
  async rangeWith(
    record: Uint8Array,
    index: number,
    low: number,
    high: number,
  ): Promise<Uint8Array> {
    if (high - low === 1) return record;
    const middle = low + largestPowerBelow(high - low);
    const [left, right] = await Promise.all(
      index < middle
        ? [this.rangeWith(record, index, low, middle), this.#range(middle, high)]
        : [this.#range(low, middle), this.rangeWith(record, index, middle, high)],
    );
    return nodeHash(left, right);
  }

  async #range(low: number, high: number): Promise<Uint8Array> {
    const level = Math.log2(high - low);
    if (Number.isInteger(level)) return await this.#subtree(level, low / 2 ** level);
    const middle = low + largestPowerBelow(high - low);
    const [left, right] = await Promise.all([this.#range(low, middle), this.#range(middle, high)]);
    return nodeHash(left, right);
  }

  /** Hash of a complete subtree: 2^level records, `number` such subtrees from the left. */
  async #subtree(level: number, number: number): Promise<Uint8Array> {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const count = 2 ** (level - tileLevel * TILE_HEIGHT);
    const first = number * count;
    const tile = Math.floor(first / TILE_WIDTH);
    const hashes = Math.floor(this.#size / 2 ** (tileLevel * TILE_HEIGHT));
    const width = Math.min(TILE_WIDTH, hashes - tile * TILE_WIDTH);
    const bytes = await this.#tile(tilePath(tileLevel, tile, width), width * HASH);
    const start = (first - tile * TILE_WIDTH) * HASH;
    return foldHashes(bytes.subarray(start, start + count * HASH));
  }

  #tile(path: string, bytes: number): Promise<Uint8Array> {
    const known = this.#tiles.get(path) ?? this.#readTile(path, bytes);
    this.#tiles.set(path, known);
    return known;
  }
}

function foldHashes(hashes: Uint8Array): Uint8Array {
  if (hashes.length === HASH) return hashes;
  const half = hashes.length / 2;
  return nodeHash(foldHashes(hashes.subarray(0, half)), foldHashes(hashes.subarray(half)));
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return createHash("sha256").update("\x01").update(left).update(right).digest();
}

/** The largest power of two that is less than `count`, which is 2 at least. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
