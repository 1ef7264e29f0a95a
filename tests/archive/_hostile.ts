/** Archives built by hand, field by field, and a place to see what unpacking them touches. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";

const text = new TextEncoder();

/** Fields of a header block, unchanged; strings are bytes (U+0000 to U+00FF each). */
export interface Fields {
  name?: string;
  mode?: string;
  uid?: string;
  size?: string;
  mtime?: string;
  checksum?: string;
  type?: string;
  link?: string;
  magic?: string;
  prefix?: string;
}

const OFFSETS: Readonly<Record<keyof Fields, number>> = {
  name: 0,
  mode: 100,
  uid: 108,
  size: 124,
  mtime: 136,
  checksum: 148,
  type: 156,
  link: 157,
  magic: 257,
  prefix: 345,
};

/** Text as bytes: each character is one, so that invalid UTF-8 can be written too. */
export function raw(characters: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}

/** The bytes one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Writes the checksum that a header's bytes add up to. */
export function sign(block: Uint8Array): void {
  block.fill(0x20, 148, 156);
  const sum = block.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  block.set(raw(`${sum.toString(8).padStart(6, "0")}\0`), 148);
}

/** A header block. */
export function header(fields: Fields): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(512);
  const all: Fields = {
    mode: "0000644\0",
    uid: "0000000\0",
    size: "00000000000\0",
    mtime: "13727457000\0",
    type: "0",
    magic: "ustar\x0000",
    ...fields,
  };
  for (const [field, value] of Object.entries(all) as [keyof Fields, string][]) {
    block.set(raw(value).subarray(0, 512 - OFFSETS[field]), OFFSETS[field]);
  }
  if (fields.checksum === undefined) sign(block);
  return block;
}

/** Eleven octal digits, as a header has a size. */
export function octal(value: number): string {
  return `${value.toString(8).padStart(11, "0")}\0`;
}

/** A header with content behind it, padded; the size is the content's unless the fields say another. */
export function member(fields: Fields, body: string | Uint8Array = ""): Uint8Array<ArrayBuffer> {
  const bytes = typeof body === "string" ? text.encode(body) : body;
  const padding = new Uint8Array((512 - bytes.length % 512) % 512);
  return joined(header({ size: octal(bytes.length), ...fields }), bytes, padding);
}

/** A file, a directory or a link. */
export function file(name: string, body = "content\n"): Uint8Array<ArrayBuffer> {
  return member({ name }, body);
}
export function directory(name: string): Uint8Array<ArrayBuffer> {
  return header({ name, type: "5", mode: "0000755\0" });
}
export function symlink(name: string, link: string): Uint8Array<ArrayBuffer> {
  return header({ name, link, type: "2", mode: "0000777\0" });
}
export function hardLink(name: string, link: string): Uint8Array<ArrayBuffer> {
  return header({ name, link, type: "1" });
}

/** A PAX header ("x", or "g" for all members) with records of the right lengths. */
export function pax(
  records: readonly (readonly [string, string])[],
  type = "x",
): Uint8Array<ArrayBuffer> {
  return member({ name: "PaxHeaders/x", type }, joined(...records.map(record)));
}

/** "12 path=abc\n". */
export function record([key, value]: readonly [string, string]): Uint8Array<ArrayBuffer> {
  const rest = text.encode(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return joined(text.encode(`${length}`), rest);
}

/** GNU's header for a long name ("L") or link target ("K"). */
export function long(type: "L" | "K", name: string, size?: string): Uint8Array<ArrayBuffer> {
  const fields = { name: "././@LongLink", type, magic: "ustar  \0" };
  return member(size === undefined ? fields : { ...fields, size }, name);
}

/** The blocks, and the two zero blocks that end an archive. */
export function tar(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joined(...parts, new Uint8Array(1024));
}

/** The archive as a file would give it: in pieces. */
export async function* inPieces(bytes: Uint8Array, step = 4096): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.slice(at, at + step);
}

/** The content of a directory: a line each, with all that a stray write would change. */
export function snapshot(top: string): string[] {
  const lines: string[] = [];
  const visit = (path: string, name: string) => {
    const info = Deno.lstatSync(path);
    const mode = ((info.mode ?? 0) & 0o7777).toString(8);
    if (info.isDirectory) {
      lines.push(`${name}/ ${mode}`);
      for (const entry of [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1)) {
        visit(join(path, entry.name), name === "" ? entry.name : `${name}/${entry.name}`);
      }
    } else if (info.isSymlink) {
      lines.push(`${name} -> ${Deno.readLinkSync(path)}`);
    } else if (info.isFile) {
      const time = info.mtime?.getTime();
      lines.push(`${name} ${mode} ${info.nlink} ${time} ${JSON.stringify(read(path))}`);
    } else {
      lines.push(`${name} is special`);
    }
  };
  visit(top, "");
  return lines;
}

function read(path: string): string {
  const bytes = Deno.readFileSync(path);
  return bytes.length <= 64 ? String.fromCharCode(...bytes) : `${bytes.length} bytes`;
}

/**
 * A directory with things that must not be touched, in which `target` does not exist yet. The body runs
 * with the same directory again and again; {@linkcode Playground.untouched} says what changed.
 */
export class Playground {
  /** The directory around everything. */
  readonly top: string;
  /** Where archives are unpacked to. */
  readonly target: string;
  readonly #before: readonly string[];

  /** @param top An empty directory. */
  constructor(top: string) {
    this.top = top;
    this.target = join(top, "in", "target");
    Deno.mkdirSync(join(top, "in", "neighbour"), { recursive: true });
    Deno.mkdirSync(join(top, "outside"));
    // What links in archives lead to must be there, or nobody could tell that they lead out.
    for (const name of ["a", "l", "in/a", "in/l"]) Deno.mkdirSync(join(top, name));
    for (const name of ["canary", "in/canary", "in/neighbour/canary", "outside/canary"]) {
      Deno.writeTextFileSync(join(top, name), "alive");
    }
    Deno.symlinkSync("outside", join(top, "way-out"));
    this.#before = snapshot(top);
  }

  /** Fails when anything but the target was made, changed, linked or removed. */
  untouched(what: string): void {
    const after = snapshot(this.top).filter((line) => !line.startsWith("in/target"));
    assertEquals(after, this.#before, what);
  }

  /** The target's tree without modes, links and times; fails when a link leads out of it. */
  made(): string[] {
    const lines = snapshot(this.target);
    for (const line of lines) {
      const [name, to] = line.split(" -> ");
      if (to === undefined) continue;
      const real = resolveLink(join(this.target, name!));
      const inside = real === undefined ||
        `${real}/`.startsWith(`${Deno.realPathSync(this.target)}/`);
      assert(inside, `${line} leads to ${real}`);
    }
    return lines.slice(1).map((line) =>
      line.replace(/\/ [0-7]+$/, "/").replace(/ [0-7]+ \d .*/, "")
    );
  }

  /** Removes the target. */
  clear(): void {
    Deno.removeSync(this.target, { recursive: true });
  }
}

function resolveLink(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** Fails unless the error is one for a user: it says what and why in one line without tricks. */
export function assertClear(error: unknown, label: string): asserts error is KbuildError {
  if (!(error instanceof KbuildError)) throw error;
  const { message, notes } = error;
  assert(message.startsWith("Cannot "), message);
  assert(message.includes(`"${label}"`), message);
  for (const line of [message, ...notes]) {
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(line), JSON.stringify(line));
    assert(line.isWellFormed(), JSON.stringify(line));
    assert(!/\.$|\n|file:\/\/|\bat .*:\d+:\d+/.test(line), line);
    assert(line.length < 600, line);
  }
  assert(notes.length > 0, message);
}
