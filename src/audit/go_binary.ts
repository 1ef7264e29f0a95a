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
const MAGIC = "\xff Go buildinf:";
/** Bytes in every program that links apimachinery's version.Info. */
const LINKS_VERSION = 'json:"gitTreeState"';
/** -X texts end in a NUL, as cmd/link's addstrdata writes them. */
const TOKENS =
  /\xff Go buildinf:|json:"gitTreeState"|v\d{1,3}\.\d{1,4}\.\d{1,4}[-+.0-9A-Za-z]{0,100}(?=\0)|(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?=\0)/g;

/** Finds out about a program while its bytes pass by, with bounded memory. */
export class ProgramScanner {
  #head = Buffer.alloc(0);
  #carry = "";
  #start = 0;
  #record: string | undefined;
  #linksVersion = false;
  readonly #versions = new Set<string>();
  readonly #commits = new Set<string>();

  /** Takes the next bytes. */
  update(chunk: Uint8Array): void {
    if (this.#head.length < HEAD) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD - this.#head.length)]);
    }
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#scan(this.#carry + bytes.toString("latin1"), false);
  }

  /** @returns Undefined when the bytes were not an executable file after all. */
  finish(): Program | undefined {
    this.#scan(this.#carry, true);
    const executable = readExecutable(this.#head);
    if (executable === undefined) return undefined;
    return Object.freeze({
      ...executable,
      go: this.#record === undefined ? undefined : parseGoBuild(this.#record),
      linksVersion: this.#linksVersion,
      versions: Object.freeze([...this.#versions].sort()),
      commits: Object.freeze([...this.#commits].sort()),
    });
  }

  #scan(text: string, last: boolean): void {
    if (this.#record !== undefined && this.#record.length < RECORD) {
      this.#record += text.slice(this.#carry.length, this.#carry.length + RECORD);
    }
    const end = last ? text.length : Math.max(0, text.length - OVERLAP);
    for (const { 0: token, index } of text.matchAll(TOKENS)) {
      if (index >= end) break;
      if (token === LINKS_VERSION) this.#linksVersion = true;
      else if (token !== MAGIC) {
        const found = token.startsWith("v") ? this.#versions : this.#commits;
        if (found.size < MAX_TEXTS) found.add(token);
      } else if (this.#record === undefined && (this.#start + index) % 16 === 0) {
        this.#record = text.slice(index, index + RECORD);
      }
    }
    this.#start += end;
    this.#carry = text.slice(end);
  }
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
