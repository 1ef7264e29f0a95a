import { join } from "@std/path";
import type { GoImport } from "./go_shape.ts";
import { digestOf, type GoFile, type GoSources } from "./go_sources.ts";

/**
 * Which part of a Go file counts: all of it, all of those that are not generated, what generators see, functions with
 * a `_` in their names.
 */
export type Part = "content" | "sources" | "shape" | "functions";

/**
 * The packages of a checkout and their imports, as generators follow them: test files and what they made
 * themselves left out, build constraints not looked at. Packages of Go itself are not in it.
 */
export class GoGraph {
  readonly #sources: GoSources;
  readonly #goPackage: string;
  readonly #leftOut: ReadonlySet<string>;
  readonly #imports = new Map<string, readonly string[]>();
  readonly #closures = new Map<string, ReadonlySet<string>>();
  readonly #names = new Map<string, ReadonlySet<string>>();
  readonly #digests = new Map<string, string>();
  readonly #resolved = new Map<string, string | undefined>();

  /**
   * @param goPackage Import path of the checkout's root: `k8s.io/kubernetes`.
   * @param leftOut Files that generators do not read, whatever is in them; below the root with links followed.
   */
  constructor(sources: GoSources, goPackage: string, leftOut: ReadonlySet<string> = new Set()) {
    this.#sources = sources;
    this.#goPackage = goPackage;
    this.#leftOut = leftOut;
  }

  /** The same graph without some files, below the root with links followed. */
  without(files: ReadonlySet<string>): GoGraph {
    return new GoGraph(this.#sources, this.#goPackage, files);
  }

  /** The files of a directory that generators read. */
  files(directory: string): readonly GoFile[] {
    const place = this.#sources.real(directory);
    return this.#sources.directory(place).filter(({ name, isIgnored }) =>
      !isIgnored && !this.#leftOut.has(`${place}/${name}`)
    );
  }

  /**
   * The directory of an import path, below the root with links followed.
   *
   * @returns Undefined for a package of Go, or one that is not there.
   */
  resolve(path: string): string | undefined {
    if (this.#resolved.has(path)) return this.#resolved.get(path);
    const own = `${this.#goPackage}/`;
    // From 1.30 on, vendor has no links to staging.
    const places = path.startsWith(own)
      ? [path.slice(own.length)]
      : [`vendor/${path}`, `staging/src/${path}`];
    const directory = places.find((place) => this.#sources.has(place));
    const found = directory === undefined ? undefined : this.#sources.real(directory);
    this.#resolved.set(path, found);
    return found;
  }

  /**
   * Directories of a package and all that it imports, below the root with links followed.
   *
   * @param part With `shape`, imports that only bodies of functions use are not followed: no type comes from there. With
   * `content`, those of generated files are followed, too.
   */
  closure(directory: string, part: Part = "shape"): ReadonlySet<string> {
    const start = this.#sources.real(directory);
    const key = `${part} ${start}`;
    const known = this.#closures.get(key);
    if (known !== undefined) return known;
    const found = new Set([start]);
    for (const place of found) {
      for (const imported of this.#importsOf(place, part)) found.add(imported);
    }
    this.#closures.set(key, found);
    return found;
  }

  /**
   * Digest of one directory's files.
   *
   * @param isLeftOut Which files do not count, by their paths below the root.
   */
  digest(
    directory: string,
    part: Part,
    isLeftOut: (path: string) => boolean = () => false,
  ): string {
    const place = this.#sources.real(directory);
    const left = this.#sources.directory(place).map(({ name }) => name)
      .filter((name) => isLeftOut(`${place}/${name}`));
    const key = [part, place, ...left].join(" ");
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const files = part === "content"
      ? this.#compiled(place)
      : this.files(place).filter((file) => part === "sources" || file[part] !== "");
    const value = part === "sources" ? "content" : part;
    const counted = files.filter(({ name }) => !left.includes(name));
    const digest = digestOf(counted.flatMap((file) => [file.name, file[value]]));
    this.#digests.set(key, digest);
    return digest;
  }

  /** Digest of the directories of several packages and of all that they import. */
  closureDigest(directories: readonly string[], part: Part): string {
    const all = new Set(directories.flatMap((directory) => [...this.closure(directory, part)]));
    return digestOf([...all].sort().flatMap((place) => [place, this.digest(place, part)]));
  }

  /**
   * The packages that the tags of a directory name: `+k8s:conversion-gen=k8s.io/kubernetes/pkg/apis/batch`, also
   * relative (`../../../../vendor/k8s.io/api/apps/v1`).
   *
   * @param directory In the spelling that relative paths begin at.
   */
  taggedPackages(directory: string): readonly string[] {
    const found = new Set<string>();
    for (const { tags } of this.files(directory)) {
      for (const tag of tags) {
        for (const value of tag.slice(tag.indexOf("=") + 1).trim().split(/[\s,]+/)) {
          if (!/^[\w.~-]+(\/[\w.~-]+)+$/.test(value)) continue;
          const place = value.startsWith(".")
            ? this.#resolveRelative(join(directory, value))
            : this.resolve(value);
          if (place !== undefined) found.add(place);
        }
      }
    }
    return [...found].sort();
  }

  /** Import paths of all that a file with these imports is compiled with, as `go list` spells them in GOPATH; Go's own left out. */
  dependencies(imports: readonly GoImport[]): readonly string[] {
    const places = new Set<string>();
    for (const { path } of imports) {
      const place = this.resolve(path);
      if (place === undefined || places.has(place)) continue;
      for (const each of this.closure(place, "content")) places.add(each);
    }
    return [...places].map((place) =>
      `${this.#goPackage}/${place.replace(/^staging\/src\//, "vendor/")}`
    ).sort();
  }

  /** A directory below the root with its links followed. */
  real(directory: string): string {
    return this.#sources.real(directory);
  }

  /** Whether a directory exists below the root. */
  has(directory: string): boolean {
    return this.#sources.has(directory);
  }

  /** Names of the types that some directories declare. */
  types(directories: readonly string[]): ReadonlySet<string> {
    return new Set(
      directories.flatMap((directory) => this.files(directory).flatMap(({ types }) => types)),
    );
  }

  /** The files of a directory that a program is compiled from: those that were generated, too. */
  #compiled(place: string): readonly GoFile[] {
    return this.#sources.directory(place).filter(({ name }) => !name.endsWith("_test.go"));
  }

  #resolveRelative(path: string): string | undefined {
    if (path.startsWith("..")) return undefined;
    return this.#sources.has(path) ? this.#sources.real(path) : undefined;
  }

  #importsOf(place: string, part: Part): readonly string[] {
    const key = `${part} ${place}`;
    const known = this.#imports.get(key);
    if (known !== undefined) return known;
    const found = new Set<string>();
    const files = part === "content" ? this.#compiled(place) : this.files(place);
    for (const { imports, qualifiers } of files) {
      const used = new Set(qualifiers);
      for (const { name, path } of imports) {
        const directory = this.resolve(path);
        if (directory === undefined || found.has(directory)) continue;
        if (part === "content" || part === "sources" || this.#isUsed(name, directory, used)) {
          found.add(directory);
        }
      }
    }
    const list = [...found];
    this.#imports.set(key, list);
    return list;
  }

  /** Whether declarations use an import. */
  #isUsed(name: string, directory: string, used: ReadonlySet<string>): boolean {
    if (name === ".") return true;
    if (name !== "") return used.has(name);
    return [...this.#packageNames(directory)].some((each) => used.has(each));
  }

  #packageNames(place: string): ReadonlySet<string> {
    const known = this.#names.get(place);
    if (known !== undefined) return known;
    const names = new Set(this.#sources.directory(place).map(({ packageName }) => packageName));
    this.#names.set(place, names);
    return names;
  }
}
