import { join } from "@std/path";
import { FREE_SPACE, ifPresentSync, isDiskFull, reasonOf } from "../files/mod.ts";
import { KbuildError, systemCode } from "../errors.ts";
import { parentsOf } from "./entry.ts";
import { isPlainText, quoteName } from "./names.ts";
import type { TarMember } from "./tar_member.ts";

/**
 * Directories inside one another that are made at most. Removing a tree takes an open file per level, and
 * macOS gives a program 256. Real trees stay below 30.
 */
const MAX_DEPTH = 100;
const TRUST = "Do not use it, unless you trust who made it";

/** Writes the members of one archive into a directory that nobody else writes to. */
export class MemberWriter {
  readonly #root: string;
  readonly #label: string;
  readonly #maxMade: number;
  /** The directory that was last seen to be one; "" is the root. */
  #directory = "";
  #made = 0;
  /** Permission bits that the root is to get. */
  rootMode = 0o755;
  /** Bytes of all files so far. */
  size = 0;

  /**
   * @param root An empty directory.
   * @param label What the user knows the archive by.
   * @param maxMade How many files, directories and links are made at most; directories that only
   * names imply count as well: a short archive could ask for millions of them.
   */
  constructor(root: string, label: string, maxMade: number) {
    this.#root = root;
    this.#label = label;
    this.#maxMade = maxMade;
  }

  /**
   * Unpacks the next member.
   *
   * @throws {KbuildError} It would lead out of the directory, is not a type that is unpacked, is in the
   * way of another, or cannot be written.
   */
  async write(member: TarMember): Promise<void> {
    const { type, mode } = member;
    const place = this.#destinationOf(member);
    if (place === "") {
      this.rootMode = mode & 0o755 | 0o700;
      return;
    }
    this.#enterParents(member, place);
    if (type === "directory") {
      this.#makeDirectory(member, place);
      Deno.chmodSync(join(this.#root, place), mode & 0o755 | 0o700);
    } else if (type === "file") {
      await this.#writeFile(member, place);
    } else if (type === "symlink") {
      this.#makeSymlink(member, place);
    } else if (type === "hardlink") {
      this.#makeHardLink(member, place);
    } else {
      throw this.#refuse(member, `is a ${kindOf(type)}`);
    }
  }

  /** "./a//b/" → "a/b"; "" for the root itself. */
  #destinationOf(member: TarMember): string {
    const { name, type } = member;
    const { parts, problem } = splitName(name);
    if (problem !== undefined) throw this.#refuse(member, `cannot be its name: ${problem}`);
    if (type !== "directory" && /(^|\/)\.?$/.test(name)) {
      throw this.#refuse(member, `is the name of a directory, but it is a ${kindOf(type)}`);
    }
    if (parts.length > MAX_DEPTH) {
      throw this.#refuse(member, `is ${parts.length} directories deep, more than ${MAX_DEPTH}`);
    }
    return parts.join("/");
  }

  /**
   * Makes the directories around a member. What is there already must be a directory: no link, no
   * file.
   */
  #enterParents(member: TarMember, place: string): void {
    const parents = parentsOf(place);
    const directory = parents.at(-1) ?? "";
    if (directory === this.#directory) return;
    for (const parent of parents) this.#makeDirectory(member, parent);
    this.#directory = directory;
  }

  #makeDirectory(member: TarMember, place: string): void {
    const path = join(this.#root, place);
    const there = this.#lookUp(member, path);
    if (there?.isDirectory === true) return;
    if (there !== undefined) {
      const what = there.isSymlink ? "a symbolic link" : "a file";
      throw this.#cannotMake(member, `${quoteName(place)} is ${what} in this archive`);
    }
    this.#count();
    this.#try(member, () => Deno.mkdirSync(path, { mode: 0o700 }));
    Deno.chmodSync(path, 0o755);
  }

  async #writeFile(member: TarMember, place: string): Promise<void> {
    const path = join(this.#root, place);
    this.#count();
    using file = this.#try(
      member,
      () => Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }),
    );
    for await (let chunk of member.chunks()) {
      this.size += chunk.length;
      this.#try(member, () => {
        while (chunk.length > 0) chunk = chunk.subarray(file.writeSync(chunk));
      });
    }
    this.#try(member, () => file.utimeSync(member.mtime, member.mtime));
    Deno.chmodSync(path, member.mode & 0o755 | 0o600);
  }

  /** A link that cannot lead out, whatever else the archive holds: see {@linkcode linkLeadsOut}. */
  #makeSymlink(member: TarMember, place: string): void {
    const { linkName = "" } = member;
    const target = quoteName(linkName);
    if (linkName === "") throw this.#refuse(member, "is a symbolic link without a target");
    if (!isPlainText(linkName)) {
      throw this.#refuse(member, `is a link to ${target}, which is not valid UTF-8`);
    }
    if (linkLeadsOut(linkName, parentsOf(place).length)) {
      throw this.#refuse(member, `is a link to ${target}, which may lead out of its directory`);
    }
    this.#count();
    this.#try(member, () => Deno.symlinkSync(linkName, join(this.#root, place)));
  }

  #makeHardLink(member: TarMember, place: string): void {
    const { linkName = "" } = member;
    const { parts, problem } = splitName(linkName);
    const refuse = (why: string) =>
      this.#refuse(member, `is a hard link to ${quoteName(linkName)}, ${why}`);
    if (problem !== undefined) throw refuse(`which cannot be a name: ${problem}`);
    const target = parts.join("/");
    for (const parent of parentsOf(target)) {
      if (this.#lookUp(member, join(this.#root, parent))?.isDirectory !== true) {
        throw refuse("which is not an earlier file in this archive");
      }
    }
    const path = join(this.#root, target);
    if (target === "" || this.#lookUp(member, path)?.isFile !== true) {
      throw refuse("which is not an earlier file in this archive");
    }
    this.#count();
    this.#try(member, () => Deno.linkSync(path, join(this.#root, place)));
  }

  #lookUp(member: TarMember, path: string): Deno.FileInfo | undefined {
    return this.#try(member, () => ifPresentSync(() => Deno.lstatSync(path)));
  }

  #count(): void {
    if (++this.#made <= this.#maxMade) return;
    throw new KbuildError(
      `Cannot unpack "${this.#label}": more than ${this.#maxMade} files and directories come out of it`,
      { notes: [TRUST, "Whoever does can raise the limit: limits.maxMembers of unpackTar()"] },
    );
  }

  #try<T>(member: TarMember, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (systemCode(cause) === "EEXIST") {
        throw this.#cannotMake(
          member,
          "something before it has its name (on file systems that do " +
            "not tell upper from lower case, also when only that differs)",
          cause,
        );
      }
      const note = isDiskFull(cause) ? FREE_SPACE : undefined;
      throw this.#cannotMake(member, reasonOf(cause), cause, note);
    }
  }

  #cannotMake(member: TarMember, why: string, cause?: unknown, note?: string): KbuildError {
    return this.#refuse(member, `cannot be made: ${why}`, cause, note);
  }

  #refuse({ name }: TarMember, why: string, cause?: unknown, note = TRUST): KbuildError {
    const message = `Cannot unpack "${this.#label}": ${quoteName(name)} ${why}`;
    return new KbuildError(message, { notes: [note], cause });
  }
}

/** The parts of a name, without those that mean nothing; and what makes it one that cannot be used. */
function splitName(name: string): { parts: readonly string[]; problem?: string } {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (!isPlainText(name)) return { parts, problem: "it is not valid UTF-8" };
  if (name.startsWith("/")) return { parts, problem: "it starts with a slash" };
  if (parts.includes("..")) return { parts, problem: 'it has a ".." part' };
  return { parts };
}

/**
 * Whether a link in a directory `depth` levels below the root could lead out of it. It cannot when its
 * target is relative, has ".." at its beginning only, and no more than there are directories to leave:
 * those are real directories, so it is known where ".." goes; behind that only names follow, each of
 * which is a directory inside, or another such link.
 *
 * @param target Of the link.
 * @param depth Directories between the root and the link.
 */
export function linkLeadsOut(target: string, depth: number): boolean {
  if (target.startsWith("/")) return true;
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const names = parts.findIndex((part) => part !== "..");
  const ups = names < 0 ? parts.length : names;
  return ups > depth || parts.slice(ups).includes("..");
}

function kindOf(type: TarMember["type"]): string {
  if (type === "hardlink") return "hard link";
  if (type === "symlink") return "symbolic link";
  return type === "character" || type === "block" ? `${type} device` : type;
}
