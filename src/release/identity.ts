import { createHash } from "node:crypto";
import { join } from "@std/path";
import { compareNames } from "../archive/mod.ts";
import { ifPresentSync } from "../files/mod.ts";

/** Identifies a set of files without reading them. */
export interface Identity {
  /**
   * Digest over names, types, modes, sizes, inodes and times, that of the last status change
   * included: a write that sets the modification time back shows there, unless it came in the same
   * second (Deno gives no more of that time).
   */
  readonly strict: string;
  /** The same without the status change, which a hard link made or removed elsewhere sets as well. */
  readonly lenient: string;
  /** The newest modification time of a file, in milliseconds since 1970; 0 without files. */
  readonly newest: number;
}

/** Files to tell apart, by a name that they are known by. */
export class Identifier {
  readonly #strict = createHash("sha256");
  readonly #lenient = createHash("sha256");
  #newest = 0;

  /** Adds something that is known by its words alone. */
  text(...words: readonly (string | number)[]): void {
    this.#add(JSON.stringify(words));
  }

  /**
   * Adds a file; a link is followed. A file that is not there counts as well.
   *
   * @param info What was seen of it just now; looked up when undefined.
   */
  file(name: string, path: string, info?: Deno.FileInfo): void {
    this.#info(name, info ?? ifPresentSync(() => Deno.statSync(path)), path);
  }

  /**
   * Adds a directory with all below it, or a file; links are not followed.
   *
   * @param isLeftOut Whether a path counts as not being there.
   */
  tree(name: string, path: string, isLeftOut: (path: string) => boolean = () => false): void {
    if (isLeftOut(path)) return;
    const info = ifPresentSync(() => Deno.lstatSync(path));
    this.#info(name, info, path);
    if (info?.isDirectory !== true) return;
    for (const below of [...Deno.readDirSync(path)].map((entry) => entry.name).sort(compareNames)) {
      this.tree(`${name}/${below}`, join(path, below), isLeftOut);
    }
  }

  /** What was added so far; nothing can be added after it. */
  done(): Identity {
    return Object.freeze({
      strict: this.#strict.digest("hex"),
      lenient: this.#lenient.digest("hex"),
      newest: this.#newest,
    });
  }

  #info(name: string, info: Deno.FileInfo | undefined, path: string): void {
    if (info === undefined) return this.text(name, "missing");
    if (info.isSymlink) return this.text(name, "link", Deno.readLinkSync(path));
    const mode = (info.mode ?? 0) & 0o7777;
    // A directory's own time and size say nothing of an archive.
    if (info.isDirectory) return this.text(name, "directory");
    const modified = info.mtime?.getTime() ?? 0;
    this.#newest = Math.max(this.#newest, modified);
    const words = [name, mode, info.size, info.dev, info.ino ?? 0, modified];
    this.#add(JSON.stringify(words), `${info.ctime?.getTime() ?? 0}`);
  }

  #add(both: string, strict = ""): void {
    this.#lenient.update(`${both}\n`);
    this.#strict.update(`${both}${strict}\n`);
  }
}
