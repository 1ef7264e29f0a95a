import { INVISIBLE } from "../errors.ts";
import { concat, ifPossibleSync } from "../files/mod.ts";
import { utf8 } from "./bytes.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What {@linkcode quoteName} shows of a name at most, with what it escapes. */
const SHOWN = 200;

/**
 * A name as text, without loss: each byte that is not valid UTF-8 becomes a lone surrogate from
 * U+DC80 to U+DCFF, as Python does it (PEP 383). Two different names stay different, and
 * `isWellFormed()` tells such a name from all others. A byte order mark stays, too.
 */
export function decodeName(bytes: Uint8Array): string {
  return ifPossibleSync(() => strict.decode(bytes)) ?? decodeBroken(bytes);
}

/** The names in a list of names with a NUL after each one, as {@linkcode decodeName} has them; "" behind the last NUL. */
export function decodeNames(bytes: Uint8Array): readonly string[] {
  const whole = ifPossibleSync(() => strict.decode(bytes));
  if (whole !== undefined) return whole.split("\0");
  const names: string[] = [];
  for (let at = 0; at <= bytes.length;) {
    const end = bytes.indexOf(0, at);
    names.push(decodeName(bytes.subarray(at, end < 0 ? bytes.length : end)));
    if (end < 0) break;
    at = end + 1;
  }
  return names;
}

/** The bytes that {@linkcode decodeName} has made a name from. */
export function encodeName(name: string): Uint8Array {
  if (name.isWellFormed()) return utf8(name);
  return concat([...name].map((sign) => {
    const code = sign.charCodeAt(0);
    return sign.isWellFormed() ? utf8(sign) : Uint8Array.of(code - 0xdc00);
  }));
}

/** Whether all of the bytes that a name was made from are valid UTF-8, so that a file can have it. */
export function isPlainText(name: string): boolean {
  return name.isWellFormed();
}

/**
 * A name for a message: in quotes, cut when it is long, and with everything escaped that could
 * change how a terminal shows the rest (control characters, text that runs from right to left).
 */
export function quoteName(name: string): string {
  let shown = "";
  for (const sign of name) {
    const next = escape(sign);
    if (shown.length + next.length > SHOWN) return `"${shown}…"`;
    shown += next;
  }
  return `"${shown}"`;
}

/** Whether {@linkcode quoteName} would escape nothing of a name. */
export function hasPlainName(name: string): boolean {
  for (const sign of name) if (escape(sign) !== sign && !/["\\]/.test(sign)) return false;
  return true;
}

/**
 * A path as its parts, without those that are empty or ".", and without ".." together with the part
 * that it undoes; ".." at the root stays at the root: "./a//b/../c" is "a/c".
 */
export function cleanName(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** What JSON does not escape. */
const UNSAFE = new RegExp(String.raw`[\x7f-\x9f${INVISIBLE}]`);

/** As JSON has it, and some more. */
function escape(sign: string): string {
  if (UNSAFE.test(sign)) {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
  return JSON.stringify(sign).slice(1, -1);
}

/** How many bytes the character takes that starts here, judged by its first byte. */
function lengthOf(byte: number): number {
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

function decodeBroken(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = lengthOf(bytes[at]!);
    const part = ifPossibleSync(() => strict.decode(bytes.subarray(at, at + length)));
    text += part ?? String.fromCharCode(0xdc00 + bytes[at]!);
    at += part === undefined ? 1 : length;
  }
  return text;
}
