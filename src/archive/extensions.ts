import { BLOCK_SIZE, paddingOf } from "./header.ts";
import { decodeName, quoteName } from "./names.ts";
import { HeaderError, parsePax } from "./parse_header.ts";

const XATTR = "SCHILY.xattr.";
const SPARSE = "GNU.sparse.";
/** What a global header may say: the rest would be about one member, and readers treat it differently. */
const GLOBAL_KEYS = new Set(["mtime", "uid", "gid", "uname", "gname"]);

/** Flags of headers that say more about the member behind them: PAX "x" and "g", GNU "L" and "K". */
export const EXTENSION_FLAGS = "xgLK";

/**
 * What the extended headers in front of a member say about it. Headers that different programs read
 * differently are refused: two of a kind, two that name the member, a global one with a name or size.
 */
export class Extensions {
  #global = new Map<string, string>();
  #own = new Map<string, string>();
  #xattrs: Record<string, Uint8Array> = {};
  #seen = new Set<string>();
  /** Bytes of the headers since the last member, with their blocks. */
  size = 0;

  /** Whether headers have been read that a member must follow. */
  get waiting(): boolean {
    return this.#seen.size > 0;
  }

  /** How many bytes a header with a body this large takes. */
  static sizeOf(body: number): number {
    return BLOCK_SIZE + body + paddingOf(body);
  }

  /**
   * Takes the next extended header.
   *
   * @throws {HeaderError} It is broken, or contradicts another.
   */
  add(typeFlag: string, body: Uint8Array): void {
    this.size += Extensions.sizeOf(body.length);
    if (typeFlag === "g") return this.#addGlobal(parsePax(body));
    if (this.#seen.has(typeFlag)) {
      throw new HeaderError(`two extended headers of type "${typeFlag}" belong to it`);
    }
    this.#seen.add(typeFlag);
    if (typeFlag === "x") return this.#addRecords(parsePax(body));
    this.#set(typeFlag === "L" ? "path" : "linkpath", decodeName(untilNuls(body)));
  }

  /** The value of a key, the member's own before the global one; undefined for none, or an empty one. */
  get(key: string): string | undefined {
    const value = this.#own.get(key) ?? this.#global.get(key);
    return value === "" ? undefined : value;
  }

  /** The extended attributes of the member; undefined when it has none. */
  get xattrs(): Readonly<Record<string, Uint8Array>> | undefined {
    return Object.keys(this.#xattrs).length === 0 ? undefined : Object.freeze(this.#xattrs);
  }

  /** Forgets what was about one member. */
  nextMember(): void {
    this.size = 0;
    if (!this.waiting) return;
    this.#own = new Map();
    this.#xattrs = {};
    this.#seen.clear();
  }

  #addGlobal(records: ReadonlyMap<string, Uint8Array>): void {
    for (const [key, value] of records) {
      if (isAboutOne(key)) {
        throw new HeaderError(`a global header sets ${quoteName(key)} for all members`);
      }
      if (GLOBAL_KEYS.has(key)) this.#global.set(key, decodeName(value));
    }
  }

  #addRecords(records: ReadonlyMap<string, Uint8Array>): void {
    for (const [key, value] of records) {
      if (key.startsWith(SPARSE)) throw new HeaderError("it is a sparse file");
      if (key.startsWith(XATTR)) {
        // "__proto__" is a name as any other.
        Object.defineProperty(this.#xattrs, key.slice(XATTR.length), { value, enumerable: true });
      } else {
        this.#set(key, decodeName(value));
      }
    }
  }

  #set(key: string, value: string): void {
    if (this.#own.has(key)) throw new HeaderError(`two extended headers say its ${key}`);
    this.#own.set(key, value);
  }
}

function isAboutOne(key: string): boolean {
  return key === "path" || key === "linkpath" || key === "size" || key.startsWith(SPARSE) ||
    key.startsWith(XATTR);
}

/** GNU long names end in NULs, which are not part of them; one before that is not a name. */
function untilNuls(body: Uint8Array): Uint8Array {
  let end = body.length;
  while (end > 0 && body[end - 1] === 0) end--;
  return body.subarray(0, end);
}
