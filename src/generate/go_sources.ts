import { createHash } from "node:crypto";
import { dirname, join, relative } from "@std/path";
import {
  changeTime,
  fingerprint,
  ifPossible,
  ifPresentSync,
  isSettled,
  readNote,
  readTextSync,
  writeFileAtomic,
} from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { goHeader, type GoImport, goShape, qualifiersOf, typesOf } from "./go_shape.ts";

/** One Go source of a checkout. */
export interface GoFile {
  /** Base name. */
  readonly name: string;
  /** Digest of all of it. */
  readonly content: string;
  /** Digest of what generators see: without the bodies of functions. */
  readonly shape: string;
  /** Digest of its functions with a `_` in their names, and of its imports; "" if there are none. */
  readonly functions: string;
  /** Name of its package. */
  readonly packageName: string;
  /** What it imports. */
  readonly imports: readonly GoImport[];
  /** Names before a `.` in its declarations ({@linkcode qualifiersOf}). */
  readonly qualifiers: readonly string[];
  /** Names of the types that it declares ({@linkcode typesOf}). */
  readonly types: readonly string[];
  /** Lines with `+k8s:`. */
  readonly tags: readonly string[];
  /** Comments with a tag (`// +genclient`), and those that say that the file is generated. */
  readonly comments: readonly string[];
  /** Whether a line begins with `// +k8s:`: the file is in `ALL_K8S_TAG_FILES`. */
  readonly isTagged: boolean;
  /** Whether generators leave it out: a test, or a file that they have made. */
  readonly isIgnored: boolean;
}

/** A Go source that was read in this run or an earlier one. */
interface Entry {
  /** Its {@linkcode fingerprint}. */
  readonly seen: string;
  /** Its {@linkcode changeTime}. */
  readonly changed: number;
  readonly file: GoFile;
}

/** A line that makes a file count in `ALL_K8S_TAG_FILES`. */
const ANY_TAG = /^\/\/ *\+k8s:/m;

/** Lines that the scripts of generators look for. */
const COMMENTS = /^[ \t]*\/\/\s*(\+[a-zA-Z]|Code generated).*$/gm;

/** The form of the note; another one is not read. */
const FORM = 4;

/**
 * The Go sources of a checkout, each read once: what was read is remembered in
 * `_output/local/.kbuild/go_sources.json` by size, inode and times.
 */
export class GoSources {
  readonly #context: KubeContext;
  readonly #entries: Map<string, Entry>;
  readonly #directories = new Map<string, readonly GoFile[]>();
  readonly #real = new Map<string, string>();
  readonly #started = Date.now();
  #isChanged = false;

  private constructor(context: KubeContext, entries: Map<string, Entry>) {
    this.#context = context;
    this.#entries = entries;
  }

  /** Opens the sources of a checkout. Nothing is read but the note of the last run. */
  static async open(context: KubeContext): Promise<GoSources> {
    const { form, files } = await readNote(notePath(context)) ?? {};
    const entries = form === FORM && typeof files === "object" && files !== null
      ? new Map(Object.entries(files as Record<string, Entry>))
      : new Map<string, Entry>();
    return new GoSources(context, entries);
  }

  /**
   * The Go files of a directory, by name; none if there is no such directory.
   *
   * @param directory Below the root; in the spelling of `vendor` or of `staging/src`.
   */
  directory(directory: string): readonly GoFile[] {
    const place = this.real(directory);
    const known = this.#directories.get(place);
    if (known !== undefined) return known;
    const path = join(this.#context.root, place);
    const names = (this.#isDirectory(path) ? [...Deno.readDirSync(path)] : [])
      .filter(({ name, isFile, isSymlink }) => name.endsWith(".go") && (isFile || isSymlink))
      .map(({ name }) => name).sort();
    const files = names.flatMap((name) => this.#file(`${place}/${name}`, name) ?? []);
    this.#directories.set(place, files);
    return files;
  }

  /** A directory below the root with its links followed: what `vendor` shows of `staging/src`. */
  real(directory: string): string {
    const known = this.#real.get(directory);
    if (known !== undefined) return known;
    const path = join(this.#context.root, directory);
    const real = ifPresentSync(() => Deno.realPathSync(path));
    const inside = real === undefined ? directory : relative(this.#context.root, real);
    const place = inside === "" || inside.startsWith("..") ? directory : inside;
    this.#real.set(directory, place);
    return place;
  }

  /** Whether a directory exists below the root. */
  has(directory: string): boolean {
    return this.#isDirectory(join(this.#context.root, directory));
  }

  /** Remembers what was read. Files that changed just before are not trusted the next time. */
  async save(): Promise<void> {
    if (!this.#isChanged) return;
    const settled = [...this.#entries].filter(([, { changed }]) =>
      isSettled(changed, this.#started)
    );
    const path = notePath(this.#context);
    const text = JSON.stringify({ form: FORM, files: Object.fromEntries(settled) });
    // It only saves work.
    await ifPossible(Deno.mkdir(dirname(path), { recursive: true }));
    await ifPossible(writeFileAtomic(path, text));
  }

  #isDirectory(path: string): boolean {
    return ifPresentSync(() => Deno.statSync(path))?.isDirectory === true;
  }

  #file(path: string, name: string): GoFile | undefined {
    const whole = join(this.#context.root, path);
    const info = ifPresentSync(() => Deno.statSync(whole));
    if (info?.isFile !== true) return undefined;
    const seen = fingerprint(info);
    const known = this.#entries.get(path);
    if (known?.seen === seen) return known.file;
    const file = readGoFile(name, readTextSync(whole));
    this.#entries.set(path, { seen, changed: changeTime(info), file });
    this.#isChanged = true;
    return file;
  }
}

function notePath(context: KubeContext): string {
  return join(context.output, ".kbuild", "go_sources.json");
}

/** Reads a Go source. */
export function readGoFile(name: string, text: string): GoFile {
  const { packageName, imports, isIgnored } = goHeader(text);
  const { shape, functions } = goShape(text);
  const isTagged = text.includes("+k8s:") && ANY_TAG.test(text);
  return Object.freeze({
    name,
    content: digestOf([text]),
    shape: digestOf([shape]),
    functions: functions.length === 0
      ? ""
      : digestOf([...imports.flatMap(({ name, path }) => [name, path]), ...functions]),
    packageName,
    imports: Object.freeze(imports),
    types: isIgnored ? [] : typesOf(shape),
    qualifiers: isIgnored ? [] : qualifiersOf(shape),
    tags: Object.freeze(
      text.includes("+k8s:") ? text.split("\n").filter((line) => line.includes("+k8s:")) : [],
    ),
    comments: Object.freeze(text.match(COMMENTS) ?? []),
    isTagged,
    isIgnored: isIgnored || name.endsWith("_test.go"),
  });
}

/** A digest of texts, in their order. */
export function digestOf(texts: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  return hash.digest("base64url").slice(0, 27);
}
