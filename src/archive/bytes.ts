import type { ByteSink } from "./types.ts";

const encoder = new TextEncoder();

/** Up to this many characters are encoded here: for short texts, calling the runtime takes most of the time. */
const SHORT = 100;

/** UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > SHORT) return encoder.encode(text);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return encoder.encode(text);
    bytes[at] = code;
  }
  return bytes;
}

/**
 * Orders two names by their UTF-8 bytes, as `LC_ALL=C sort` does. Comparing JavaScript strings would
 * order by UTF-16 units, which differs for characters beyond U+FFFF.
 *
 * @returns A negative number, 0 or a positive number.
 */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const surrogateX = x >= 0xd800 && x <= 0xdfff;
    const surrogateY = y >= 0xd800 && y <= 0xdfff;
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** A sink; without `copy` where there is none to hand parts of files on to. */
export function sinkOf(
  write: (chunk: Uint8Array) => Promise<void> | void,
  copy: ByteSink["copy"],
): ByteSink {
  return Object.assign(write, copy === undefined ? {} : { copy });
}
