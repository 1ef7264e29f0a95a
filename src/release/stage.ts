import { basename, dirname, join } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import {
  requiredInput,
  type Selection,
  type StageEntry,
  type StageSource,
  type TarballPlan,
} from "./plan.ts";
import { checkRegular, copyFile, ifPresentSync } from "../files/mod.ts";

/** Where the things that are staged come from. */
export interface StageRoots {
  /** The checkout. */
  readonly root: string;
  /** Directory of the binaries: `<bin>/<os>/<arch>/<name>`. */
  readonly binPath: string;
  /** Directory of the finished tarballs. */
  readonly tars: string;
  /** Directory of the finished image archives: `<images>/<arch>/<name>.tar`. */
  readonly images: string;
  /** Absolute paths in the checkout that are not packed: they are missing, and may be. */
  readonly leftOut?: ReadonlySet<string>;
}

/** One path of a stage directory, and how it gets there. */
export type StageItem =
  /** A hard link: to an output file, which nobody edits in place. */
  | { readonly to: string; readonly link: string }
  /** A copy of a file of the checkout, and what was seen of the file. */
  | { readonly to: string; readonly copy: string; readonly info: Deno.FileInfo }
  | { readonly to: string; readonly symlink: string }
  | { readonly to: string; readonly text: string }
  | { readonly to: string; readonly directory: true };

/** Names that `kube::release::clean_cruft` removes: `*~`, `#*#`, `.DS*`. */
export function isCruft(name: string): boolean {
  return name.endsWith("~") || name.startsWith(".DS") ||
    (name.length > 1 && name.startsWith("#") && name.endsWith("#"));
}

/** What an addon file is named (`package_kube_manifests_tarball`): yaml, yaml.in, json, no demo. */
function isAddon(name: string): boolean {
  return /(\.yaml|\.yaml\.in|\.json)$/.test(name) && !name.includes("demo");
}

/**
 * Lists what goes into the directory of one tarball, each path once. Looks at the checkout, but not at
 * what other tarballs and images make. Reads directories synchronously: there are thousands of small
 * ones, and this takes a third of the time.
 *
 * @throws {KbuildError} Something is missing.
 */
export function listStage(plan: TarballPlan, roots: StageRoots): readonly StageItem[] {
  const items = new Map<string, StageItem>();
  const add = (item: StageItem) => void items.set(item.to, item);
  for (const entry of plan.entries) {
    const input = requiredInput(entry);
    if (input !== undefined && roots.leftOut?.has(join(roots.root, input))) continue;
    for (const item of listEntry(entry, roots)) add(item);
  }
  return Object.freeze([...items.values()]);
}

function* listEntry({ to, source }: StageEntry, roots: StageRoots): Generator<StageItem> {
  const output = linkedSource(source, roots);
  const { root, leftOut = new Set() } = roots;
  if (output !== undefined) {
    yield { to, link: output };
  } else if ("emptyDirectory" in source) {
    yield { to, directory: true };
  } else if ("text" in source) {
    yield { to, text: source.text };
  } else if ("md5Of" in source) {
    throw new TypeError(`"${to}" is staged before the MD5 is known`);
  } else if ("file" in source) {
    const copy = join(root, source.file);
    const info = ifPresentSync(() => Deno.statSync(copy));
    if (info !== undefined) yield copyItem(to, copy, info);
    else if (source.optional !== true) throw cannotStage(copy);
  } else if ("tree" in source) {
    const from = join(root, source.tree);
    const without = (source.without ?? []).map((path) => join(from, path));
    yield* listTree(from, to, new Set([...without, ...leftOut]));
  } else if ("select" in source) {
    yield { to, directory: true };
    const from = join(root, source.select);
    const selected = (inside: string) => isSelected(inside, source.which);
    // `find … -exec cp {} dst` flattens the internal manifests; addons keep their directories.
    for (const inside of filesBelow(from, "")) {
      if (!selected(inside)) continue;
      const name = source.which === "internal" ? basename(inside) : inside;
      yield* listTree(join(from, inside), join(to, name), leftOut);
    }
  }
}

/** The output file that an entry links to, for entries that do. */
function linkedSource(source: StageSource, roots: StageRoots): string | undefined {
  if ("binary" in source) return join(roots.binPath, source.binary.platform, source.binary.name);
  if ("tarball" in source) return join(roots.tars, source.tarball);
  if ("image" in source) return join(roots.images, source.image.arch, `${source.image.name}.tar`);
  return undefined;
}

/** `cp -R`, without cruft and what is left out. */
function* listTree(
  from: string,
  to: string,
  leftOut: ReadonlySet<string>,
): Generator<StageItem> {
  if (leftOut.has(from)) return;
  const info = ifPresentSync(() => Deno.lstatSync(from));
  if (info === undefined) throw cannotStage(from);
  if (isCruft(basename(from))) return;
  if (info.isSymlink) {
    yield { to, symlink: Deno.readLinkSync(from) };
  } else if (info.isDirectory) {
    yield { to, directory: true };
    for (const { name } of Deno.readDirSync(from)) {
      yield* listTree(join(from, name), join(to, name), leftOut);
    }
  } else {
    yield copyItem(to, from, info);
  }
}

/** Copying a named pipe would wait for somebody to write to it. */
function copyItem(to: string, copy: string, info: Deno.FileInfo): StageItem {
  checkRegular(copy, info, "archive");
  return { to, copy, info };
}

/** Everything but directories below a directory, as paths below it; nothing where there is no directory. */
function* filesBelow(directory: string, inside: string): Generator<string> {
  const path = join(directory, inside);
  if (inside === "" && ifPresentSync(() => Deno.statSync(path)) === undefined) return;
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) yield* filesBelow(directory, join(inside, name));
    else yield join(inside, name);
  }
}

function isSelected(inside: string, which: Selection): boolean {
  const name = basename(inside);
  if (isCruft(name)) return false;
  if (which === "internal") return name.startsWith("internal-");
  return isAddon(name) && !(which === "addons, no demo in the path" && inside.includes("demo"));
}

/** How many files are copied at once. */
const CONCURRENCY = 32;

/**
 * Fills the directory of one tarball. What other tarballs and images make has to be there by now.
 *
 * @param directory The stage directory; made here.
 * @throws {KbuildError} A file is missing.
 */
export async function fillStage(
  items: readonly StageItem[],
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const directories = items.map((item) => "directory" in item ? item.to : dirname(item.to));
  for (const to of new Set(["kubernetes", ...directories])) {
    Deno.mkdirSync(join(directory, to), { recursive: true });
  }
  for (let at = 0; at < items.length; at += CONCURRENCY) {
    signal?.throwIfAborted();
    const some = items.slice(at, at + CONCURRENCY);
    await Promise.all(some.map((item) => place(item, join(directory, item.to))));
  }
}

async function place(item: StageItem, to: string): Promise<void> {
  if ("symlink" in item) await symlink(item.symlink, to);
  else if ("text" in item) await Deno.writeTextFile(to, item.text);
  else if ("link" in item) await link(item.link, to);
  else if ("copy" in item) await copy(item.copy, to);
}

/** Two tarballs of one stage may hold the same link. */
async function symlink(target: string, to: string): Promise<void> {
  try {
    await Deno.symlink(target, to);
  } catch (error) {
    const isThere = systemCode(error) === "EEXIST" &&
      await Deno.readLink(to) === target;
    if (!isThere) throw error;
  }
}

async function link(from: string, to: string): Promise<void> {
  try {
    // A link to what a symbolic link names, not to the link.
    await Deno.link(await Deno.realPath(from), to);
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw cannotStage(from, error);
    // Another file system, or one without hard links.
    await copy(from, to);
  }
}

/** `cp`: what a link leads to, not the link. */
async function copy(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw cannotStage(from, error);
    throw error;
  }
}

function cannotStage(path: string, cause?: unknown): KbuildError {
  return new KbuildError(`Cannot find "${path}", which belongs into the release`, { cause });
}
