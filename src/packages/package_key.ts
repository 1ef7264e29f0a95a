import { createHash } from "node:crypto";
import { compareNames, digestOfFile } from "../archive/mod.ts";
import { changeTime, fingerprint, ifPresent, isSettled } from "../files/mod.ts";
import type { PlannedPackage } from "./prepare.ts";

/**
 * How packages are made of their inputs: headers, order of members, where blocks end. It grows when the same key would
 * stand for other bytes.
 */
const RECIPE = 1;

/** The content key of a package. */
export type PackageKey =
  | {
    /** SHA-256 in hexadecimal of everything that its bytes depend on. */
    readonly key: string;
    readonly why?: undefined;
    /** Whether its programs are what they were when the key was computed. */
    isCurrent(): Promise<boolean>;
  }
  | {
    readonly key?: undefined;
    /** Why there is none, as the end of a sentence. */
    readonly why: string;
  };

/** Options of {@linkcode openPackageKeys}. */
export interface PackageKeysOptions {
  /** Everything that compressed bytes depend on apart from what is compressed (`archive.deflateFormat`). */
  readonly format: string;
  /** Whether rpms are signed. */
  readonly isSigned: boolean;
  /** Stops the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Finds the keys of packages. Programs of several packages are read once: use it for one run. */
export interface PackageKeys {
  /**
   * The key of a package: of its description, which has the texts in it, and of the contents of its programs.
   *
   * @throws {KbuildError} A program cannot be read.
   */
  keyOf(planned: PlannedPackage): Promise<PackageKey>;
}

/** A file that a package is made of, as it was read. */
interface SeenFile {
  readonly path: string;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  /** Before it was read. */
  readonly info: Deno.FileInfo;
  /** When; milliseconds since 1970. */
  readonly at: number;
}

/** Makes a {@linkcode PackageKeys}. */
export function openPackageKeys(
  { format, isSigned, signal }: PackageKeysOptions,
): PackageKeys {
  const known = new Map<string, SeenFile>();
  async function look(path: string): Promise<SeenFile | undefined> {
    const info = await ifPresent(Deno.stat(path));
    if (info === undefined) return undefined;
    const last = known.get(path);
    if (last !== undefined && fingerprint(last.info) === fingerprint(info)) return last;
    const at = Date.now();
    const seen = { path, info, at, digest: await digestOfFile(path, "sha256", { signal }) };
    known.set(path, seen);
    return seen;
  }
  async function isAsSeen({ path, digest, info, at }: SeenFile): Promise<boolean> {
    const now = await ifPresent(Deno.stat(path));
    if (now === undefined || fingerprint(now) !== fingerprint(info)) return false;
    // It may have changed unseen: times have their grain.
    return isSettled(changeTime(info), at) ||
      await digestOfFile(path, "sha256", { signal }) === digest;
  }
  async function keyOf(planned: PlannedPackage): Promise<PackageKey> {
    const { description, programs, tarball } = planned;
    if (isSigned && description.format === "rpm") return { why: "its signature has a time" };
    const hash = createHash("sha256");
    const add = (...words: readonly (string | number)[]) =>
      hash.update(`${JSON.stringify(words)}\n`);
    add("package", RECIPE, format, JSON.stringify(description));
    const inputs = tarball === undefined
      ? Object.entries(programs).sort(([a], [b]) => compareNames(a, b))
      : [["tarball", tarball.path] as const];
    const files: SeenFile[] = [];
    for (const [name, path] of inputs) {
      const file = await look(path);
      if (file === undefined) return { why: `${path} is not there yet` };
      files.push(file);
      add(name, file.digest);
    }
    return Object.freeze({
      key: hash.digest("hex"),
      async isCurrent() {
        for (const file of files) if (!await isAsSeen(file)) return false;
        return true;
      },
    });
  }
  return Object.freeze({ keyOf });
}
