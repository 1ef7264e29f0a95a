import { Buffer } from "node:buffer";
import { BLOCK } from "./scan.ts";
import type { Content, Finding } from "./types.ts";

/** Bytes shown of each side. */
const SHOWN = 16;
/** Longest line shown of each side. */
const MAX_LINE = 100;

/**
 * Where two contents part, in words. To the byte, with the bytes there, when both have their
 * {@linkcode Content.hunk}, else to a block of 64 KiB.
 */
export function firstDifference(a: Content, b: Content): Pick<Finding, "text" | "difference"> {
  const at = a.blocks.findIndex((sum, i) => sum !== b.blocks[i]);
  const block = at < 0 ? Math.min(a.blocks.length, b.blocks.length) : at;
  const sizes = a.size === b.size ? `${a.size} bytes` : `${a.size} bytes in A, ${b.size} in B`;
  const [x, y] = [a.hunk, b.hunk];
  if (x !== undefined && y !== undefined && x.offset === y.offset) {
    const offset = firstDifferingByte(x.bytes, y.bytes);
    const isText = a.form.kind === "data" && b.form.kind === "data" && a.form.text && b.form.text;
    const what = isText
      ? lineWords(x.bytes, y.bytes, offset, x.offset)
      : `byte ${x.offset + offset}: ${hexAt(x.bytes, offset)} in A, ${hexAt(y.bytes, offset)} in B`;
    return { text: `content differs (${sizes}), first at ${what}` };
  }
  const last = Math.min((block + 1) * BLOCK, Math.max(a.size, b.size)) - 1;
  return {
    text: `content differs (${sizes}), first between bytes ${block * BLOCK} and ${last}`,
    difference: Object.freeze({ a: a.key, b: b.key, block }),
  };
}

/** The first place where two texts part: the end of the shorter one at the latest. */
function firstDifferingByte(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length : at;
}

function lineWords(a: Uint8Array, b: Uint8Array, at: number, offset: number): string {
  const before = a.subarray(0, at);
  const start = before.lastIndexOf(10) + 1;
  // Lines before the hunk are not known.
  const place = offset > 0
    ? `byte ${offset + at}`
    : `line ${before.filter((byte) => byte === 10).length + 1}`;
  return `${place}: ${lineAt(a, start, at)} in A, ${lineAt(b, start, at)} in B`;
}

/** The line that starts at a place, or its part around `at`. */
function lineAt(bytes: Uint8Array, start: number, at: number): string {
  if (at >= bytes.length && start >= bytes.length) return "the end";
  const end = bytes.indexOf(10, start);
  const from = Math.max(start, at - MAX_LINE / 2);
  const to = Math.min(end < 0 ? bytes.length : end, from + MAX_LINE);
  const cut = (end < 0 ? bytes.length : end) > to ? "…" : "";
  const text = Buffer.from(bytes.subarray(from, to)).toString("utf8");
  return `${from > start ? "…" : ""}${JSON.stringify(text)}${cut}`;
}

function hexAt(bytes: Uint8Array, at: number): string {
  const part = bytes.subarray(at, at + SHOWN);
  if (part.length === 0) return "the end";
  return Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
