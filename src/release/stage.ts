import { ensureDir, walk } from "@std/fs";
import { basename, dirname, join, relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import {
  requiredInput,
  type Selection,
  type StageEntry,
  type StageSource,
  type TarballPlan,
} from "./plan.ts";

/** Where the things that are staged come from. */
export interface StageRoots {
  /** The checkout. */
  readonly root: string;
  /** Folder of the binaries: `<bin>/<os>/<arch>/<name>`. */
  readonly binPath: string;
  /** Folder of the finished tarballs. */
  readonly tars: string;
  /** Folder of the finished image archives: `<images>/<arch>/<name>.tar`. */
  readonly images: string;
  /** Absolute paths in the checkout that are not packed: they are missing, and may be. */
  readonly leftOut?: ReadonlySet<string>;
}

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
 * Fills the folder of one tarball. Binaries, tarballs and image archives, which nobody edits in
 * place, are hard links; files of the checkout are copies. Symbolic links stay links.
 *
 * @param folder The stage folder; made here.
 */
export async function fillStage(
  plan: TarballPlan,
  folder: string,
  roots: StageRoots,
): Promise<void> {
  await ensureDir(join(folder, "kubernetes"));
  for (const entry of plan.entries) await stageEntry(entry, folder, roots);
}

async function stageEntry(entry: StageEntry, folder: string, roots: StageRoots): Promise<void> {
  const { source } = entry;
  const input = requiredInput(entry);
  if (input !== undefined && roots.leftOut?.has(join(roots.root, input))) return;
  const to = join(folder, entry.to);
  const from = linkedSource(source, roots);
  if (from !== undefined) return await link(from, to);
  if ("emptyFolder" in source) {
    await ensureDir(to);
  } else if ("text" in source) {
    await ensureDir(dirname(to));
    await Deno.writeTextFile(to, source.text);
  } else if ("file" in source) {
    await copyFile(join(roots.root, source.file), to, source.optional === true);
  } else if ("tree" in source) {
    const from = join(roots.root, source.tree);
    const without = (source.without ?? []).map((path) => join(from, path));
    await copyTree(from, to, new Set([...without, ...roots.leftOut ?? []]));
  } else if ("select" in source) {
    await copySelected(join(roots.root, source.select), to, source.which, roots.leftOut);
  }
}

/** The output file that an entry links to, for entries that do. */
function linkedSource(source: StageSource, roots: StageRoots): string | undefined {
  if ("binary" in source) return join(roots.binPath, source.binary.platform, source.binary.name);
  if ("tarball" in source) return join(roots.tars, source.tarball);
  if ("image" in source) return join(roots.images, source.image.arch, `${source.image.name}.tar`);
  return undefined;
}

async function link(from: string, to: string): Promise<void> {
  await ensureDir(dirname(to));
  await Deno.remove(to).catch(() => {});
  try {
    // A link to what a symbolic link names, not to the link.
    await Deno.link(await Deno.realPath(from), to);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw cannotStage(from, error);
    // Another file system, or one without hard links.
    await Deno.copyFile(from, to);
  }
}

/** `cp`: what a link leads to, not the link. */
async function copyFile(from: string, to: string, optional: boolean): Promise<void> {
  await ensureDir(dirname(to));
  try {
    await Deno.copyFile(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (!optional) throw cannotStage(from, error);
  }
}

/** `cp -R`, without cruft and what is left out. */
async function copyTree(
  from: string,
  to: string,
  leftOut: ReadonlySet<string>,
): Promise<void> {
  if (leftOut.has(from)) return;
  const info = await Deno.lstat(from).catch((error: unknown) => {
    throw cannotStage(from, error);
  });
  if (isCruft(basename(from))) return;
  if (info.isSymlink) {
    await ensureDir(dirname(to));
    await Deno.remove(to).catch(() => {});
    await Deno.symlink(await Deno.readLink(from), to);
  } else if (info.isDirectory) {
    await ensureDir(to);
    for await (const { name } of Deno.readDir(from)) {
      await copyTree(join(from, name), join(to, name), leftOut);
    }
  } else {
    await ensureDir(dirname(to));
    await Deno.copyFile(from, to);
  }
}

/** Files below a folder that match, under their paths below it. */
async function copySelected(
  from: string,
  to: string,
  which: Selection,
  leftOut: ReadonlySet<string> = new Set(),
): Promise<void> {
  await ensureDir(to);
  if (await Deno.stat(from).catch(() => undefined) === undefined) return;
  for await (const { path, name } of walk(from, { includeDirs: false })) {
    const inside = relative(from, path);
    const wanted = which === "internal" ? name.startsWith("internal-") : isAddon(name);
    const demo = which === "addons, no demo in the path" && inside.includes("demo");
    if (!wanted || demo || isCruft(name)) continue;
    // `find … -exec cp {} dst` flattens the internal manifests; addons keep their folders.
    await copyTree(path, join(to, which === "internal" ? name : inside), leftOut);
  }
}

function cannotStage(path: string, cause: unknown): KbuildError {
  return new KbuildError(`Cannot find "${path}", which belongs into the release`, { cause });
}
