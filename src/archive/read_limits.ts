import { KbuildError } from "../errors.ts";

/**
 * How much of an archive is read before it counts as an attack. Whoever trusts an archive that goes
 * beyond can raise each of them; nothing but memory, disk and time is at stake.
 */
export interface ReadLimits {
  /** Bytes of the uncompressed archive, headers included. */
  readonly maxBytes: number;
  /** Members, directories and links included. */
  readonly maxMembers: number;
  /**
   * Bytes of all extended headers (PAX, GNU long names) in front of one member, with their own
   * blocks: they are held in memory, and a chain of them costs time.
   */
  readonly maxExtension: number;
  /** Bytes of a name, and of a link's target. */
  readonly maxName: number;
  /**
   * How many times larger the content of a gzip stream may be than the stream. Counted from
   * {@linkcode RATIO_FREE_BYTES} on, over all that was read so far.
   */
  readonly maxRatio: number;
}

/**
 * The limits that apply unless others are given.
 *
 * - `maxBytes` 64 GiB: Kubernetes' largest tarball (server, 1.5 GB) and single members beyond the
 *   8 GiB that ustar can say go through.
 * - `maxMembers` 1,000,000: the source tarball of 1.20 has 27,587, the test tarball about 10,000.
 * - `maxExtension` 1 MiB: what GNU tar itself takes, too. Real ones stay below 10 KiB.
 * - `maxName` 4096 bytes: no Linux or Mac can open a longer path (PATH_MAX).
 * - `maxRatio` 200: programs and sources shrink to a third or fifth, logs to a fiftieth; deflate
 *   cannot say more than 1032.
 */
export const DEFAULT_READ_LIMITS: ReadLimits = Object.freeze({
  maxBytes: 64 * 2 ** 30,
  maxMembers: 1_000_000,
  maxExtension: 2 ** 20,
  maxName: 4096,
  maxRatio: 200,
});

/** Content up to this size (256 MiB) may be compressed as well as it can be: zeros, mostly. */
export const RATIO_FREE_BYTES: number = 256 * 2 ** 20;

/**
 * The default limits with some replaced.
 *
 * @throws {RangeError} One of them is not a number of at least 1.
 */
export function readLimits(limits: Partial<ReadLimits> = {}): ReadLimits {
  const all = { ...DEFAULT_READ_LIMITS, ...limits };
  for (const [key, value] of Object.entries(all)) {
    if (!(value >= 1)) throw new RangeError(`Cannot use limit ${key} ${value}: want at least 1`);
  }
  return Object.freeze(all);
}

/**
 * The error for an archive that goes beyond a limit.
 *
 * @param what "it unpacks to more than 64 GiB": what is too much, and the limit.
 */
export function beyondLimit(label: string, what: string, limit: keyof ReadLimits): KbuildError {
  return new KbuildError(`Cannot read archive "${label}": ${what}`, {
    notes: [
      "It was damaged, or made to fill the memory or the disk of whoever unpacks it",
      `Whoever trusts it can raise the limit: limits.${limit} of readTar(), unpackTar() and gunzip()`,
    ],
  });
}

/** "64 GiB" for whole powers, else "1234567 bytes". */
export function bytesText(count: number): string {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (count >= size && count % size === 0) return `${count / size} ${unit}`;
  }
  return `${count} bytes`;
}
