/** A transparency log of our own, computed in the plainest way: every hash of every level. */
import { createHash } from "node:crypto";

/** A log, and its tiles by path. */
export interface Log {
  readonly root: Uint8Array;
  readonly tiles: ReadonlyMap<string, Uint8Array>;
}

/** Makes a log of records. */
export function makeLog(records: readonly string[]): Log {
  const leaves = records.map((record) => sha256("\0", record));
  const tiles = new Map<string, Uint8Array>();
  let hashes: readonly Uint8Array[] = leaves;
  for (let level = 0; hashes.length > 0; level++) {
    for (let n = 0; n * 256 < hashes.length; n++) {
      const part = hashes.slice(n * 256, (n + 1) * 256);
      tiles.set(tilePath(level, n, part.length), join(part));
    }
    for (let i = 0; i < 8; i++) hashes = pairs(hashes);
  }
  return { root: rootOf(leaves), tiles };
}

/** RFC 6962, 2.1. */
function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 1) return hashes[0]!;
  const half = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return sha256("\x01", rootOf(hashes.slice(0, half)), rootOf(hashes.slice(half)));
}

/** The hashes one level up, without the one that has no neighbour. */
function pairs(hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  return hashes.flatMap((hash, i) => {
    const left = hashes[i - 1];
    return i % 2 === 1 && left !== undefined ? [sha256("\x01", left, hash)] : [];
  });
}

function tilePath(level: number, n: number, width: number): string {
  const three = (number: number) => String(number).padStart(3, "0");
  const name = n < 1000 ? three(n) : `x${three(Math.floor(n / 1000))}/${three(n % 1000)}`;
  return `tile/8/${level}/${name}${width === 256 ? "" : `.p/${width}`}`;
}

function sha256(...parts: (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function join(hashes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * 32);
  hashes.forEach((hash, i) => bytes.set(hash, i * 32));
  return bytes;
}
