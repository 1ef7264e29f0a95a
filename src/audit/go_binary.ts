import { Buffer } from "node:buffer";
import { jsonIn } from "../files/mod.ts";
import { readExecutable } from "./executable.ts";
import type { GoBuild, GoModule, Program } from "./types.ts";

const HEAD = 1 << 16;
/** Longest text that is looked for; matches that start later wait for the next chunk. */
const OVERLAP = 256;
/** Go's record of modules and settings has at most some tens of KiB. */
const RECORD = 1 << 18;
const MAX_TEXTS = 50;
/** Where Go's build information starts (debug/buildinfo); it is aligned to 16 bytes. */
const MAGIC = Buffer.from("\xff Go buildinf:", "latin1");
/** Bytes in every program that links apimachinery's version.Info. */
const LINKS_VERSION = Buffer.from('json:"gitTreeState"');
/** -X texts end in a NUL, as cmd/link's addstrdata writes them. */
const VERSION = /^v\d{1,3}\.\d{1,4}\.\d{1,4}[-+.0-9A-Za-z]{0,100}(?=\0)/;
/** Longest text that {@linkcode VERSION} takes, and the NUL. */
const VERSION_LENGTH = 116;
/** Characters of a commit: SHA-1, SHA-256. */
const COMMITS: readonly number[] = [40, 64];

/**
 * Finds out about a program while its bytes pass by, with bounded memory. It looks at bytes: making texts of all of
 * them takes ten times as long.
 */
export class ProgramScanner {
  #head = Buffer.alloc(0);
  #carry = Buffer.alloc(0);
  #start = 0;
  #record: Buffer | undefined;
  #linksVersion = false;
  readonly #versions = new Set<string>();
  readonly #commits = new Set<string>();

  /** Takes the next bytes. */
  update(chunk: Uint8Array): void {
    if (this.#head.length < HEAD) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD - this.#head.length)]);
    }
    if (this.#record !== undefined && this.#record.length < RECORD) {
      const more = chunk.subarray(0, RECORD - this.#record.length);
      this.#record = Buffer.concat([this.#record, more]);
    }
    this.#scan(Buffer.concat([this.#carry, chunk]), false);
  }

  /** @returns Undefined when the bytes were not an executable file after all. */
  finish(): Program | undefined {
    this.#scan(this.#carry, true);
    const executable = readExecutable(this.#head);
    if (executable === undefined) return undefined;
    return Object.freeze({
      ...executable,
      go: this.#record === undefined ? undefined : parseGoBuild(this.#record.toString("latin1")),
      linksVersion: this.#linksVersion,
      versions: Object.freeze([...this.#versions].sort()),
      commits: Object.freeze([...this.#commits].sort()),
    });
  }

  #scan(bytes: Buffer, last: boolean): void {
    const end = last ? bytes.length : Math.max(0, bytes.length - OVERLAP);
    for (const version of versionsIn(bytes, end)) {
      if (this.#versions.size < MAX_TEXTS) this.#versions.add(version);
    }
    for (const commit of commitsIn(bytes, end)) {
      if (this.#commits.size < MAX_TEXTS) this.#commits.add(commit);
    }
    this.#linksVersion ||= bytes.includes(LINKS_VERSION);
    let at = this.#record === undefined ? bytes.indexOf(MAGIC) : -1;
    while (at >= 0 && at < end && (this.#start + at) % 16 !== 0) {
      at = bytes.indexOf(MAGIC, at + 1);
    }
    if (at >= 0 && at < end) this.#record = Buffer.from(bytes.subarray(at, at + RECORD));
    this.#start += end;
    this.#carry = Buffer.from(bytes.subarray(end));
  }
}

/** Versions with a NUL behind them that begin before `end`. */
function* versionsIn(buffer: Buffer, end: number): Generator<string, void> {
  // What a Buffer has in place of this method takes several times as long.
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  for (let at = bytes.indexOf(0x76); at >= 0 && at < end; at = bytes.indexOf(0x76, at + 1)) {
    let dot = at + 1;
    while (dot < at + 4 && isDigit(bytes[dot])) dot++;
    if (dot === at + 1 || bytes[dot] !== 0x2e) continue;
    const found = VERSION.exec(buffer.toString("latin1", at, at + VERSION_LENGTH))?.[0];
    if (found !== undefined) yield found;
  }
}

/** Runs of as many hexadecimal digits as a commit has, with a NUL behind them, that begin before `end`. */
function* commitsIn(bytes: Buffer, end: number): Generator<string, void> {
  const shortest = COMMITS[0]!;
  // A run covers one of these places at least.
  for (let at = shortest - 1; at < bytes.length; at += shortest) {
    if (!isHex(bytes[at])) continue;
    let from = at;
    while (from > 0 && isHex(bytes[from - 1])) from--;
    if (from >= end) return;
    let to = at + 1;
    while (isHex(bytes[to])) to++;
    if (COMMITS.includes(to - from) && bytes[to] === 0) yield bytes.toString("latin1", from, to);
    // The last of the places in this run.
    at += Math.floor((to - 1 - at) / shortest) * shortest;
  }
}

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte = 0): boolean {
  return isDigit(byte) || (byte >= 0x61 && byte <= 0x66);
}

/**
 * Reads Go's build information.
 *
 * @param text From the magic on, a character a byte. Of the form that Go 1.13 to 1.17 write, which
 * points elsewhere in the program, nothing is read.
 */
export function parseGoBuild(text: string): GoBuild {
  const nothing = {
    ...{ version: undefined, path: "", module: "", modules: Object.freeze([]) },
    settings: Object.freeze({}),
  };
  if ((text.charCodeAt(15) & 2) === 0) return Object.freeze(nothing);
  const [version = "", next] = counted(text, 32);
  const [padded = ""] = counted(text, next);
  // 16 bytes that mark its start, 16 its end.
  const lines = Buffer.from(padded.slice(16, -16), "latin1").toString("utf8").split("\n");
  const settings: Record<string, string> = {};
  const modules: GoModule[] = [];
  let path = "";
  let module = "";
  for (const line of lines) {
    const [word, ...fields] = line.split("\t");
    if (word === "path") path = fields[0] ?? "";
    if (word === "mod") module = fields.slice(0, 2).join(" ");
    if (word === "dep") modules.push(moduleIn(fields));
    // The main module can be replaced, too: it comes before all others.
    const replaced = word === "=>" ? modules.pop() : undefined;
    if (replaced !== undefined) modules.push({ ...replaced, replacement: moduleIn(fields) });
    const setting = word === "build" ? /^([^=]+)=(.*)$/.exec(fields.join("\t")) : null;
    if (setting?.[1] !== undefined) settings[setting[1]] = unquoted(setting[2] ?? "");
  }
  return Object.freeze({
    ...{ version, path, module },
    modules: Object.freeze(modules),
    settings: Object.freeze(settings),
  });
}

function moduleIn([path = "", version = "", sum = ""]: readonly string[]): GoModule {
  return { path, version, sum };
}

/** A text behind its length (a varint), and where the next thing starts. */
function counted(text: string, at: number): [string | undefined, number] {
  let length = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = text.charCodeAt(at++);
    length += (byte & 0x7f) * 2 ** shift;
    if (!(byte & 0x80)) return [text.slice(at, at + length), at + length];
  }
  return [undefined, at];
}

function unquoted(value: string): string {
  if (value.startsWith("`")) return value.slice(1, -1);
  if (!value.startsWith('"')) return value;
  const text = jsonIn(value);
  return typeof text === "string" ? text : value;
}
