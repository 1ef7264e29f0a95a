import { KbuildError } from "../errors.ts";
import { directoryEntry, symlinkEntry, type TarEntry } from "../archive/mod.ts";
import { copyLayer, ownedBy, type Owner } from "./base_tree.ts";
import { contextEntries } from "./build_context.ts";
import type { DockerfilePlan, DockerfileStage, ImageCopy, ImageStep } from "../dockerfile/mod.ts";
import { ownerOf } from "./owners.ts";
import { StageFiles } from "./stage_files.ts";
import type { Base } from "./types.ts";
import type { ImageLayer } from "./write_image_archive.ts";

/** Options of {@linkcode applyDockerfile}. */
export interface ApplyDockerfileOptions {
  /** The opened base of the last stage. */
  readonly base: Base;
  /** Go's word: "amd64". */
  readonly arch: string;
  /** Seconds since 1970: the time of every new file. */
  readonly created: number;
  /** The build context: name at its root -> path of the file or directory. */
  readonly context: Readonly<Record<string, string>>;
  /** Opens an image that files are taken out of; whoever opened it disposes of it. */
  readonly openImage: (reference: string, arch: string) => Promise<Base>;
}

/**
 * Carries a Dockerfile out: the layers that its last stage puts on its base. Files get the time
 * `created`, root as their owner, and mode 0755 or 0644, unless `--chown` and `--chmod` say otherwise;
 * what is taken out of an image stays as it is there.
 *
 * @throws {KbuildError} A source is missing, an archive would have to be unpacked, an image that files
 * are taken from cannot be opened.
 */
export async function applyDockerfile(
  plan: DockerfilePlan,
  options: ApplyDockerfileOptions,
): Promise<readonly ImageLayer[]> {
  const stages = new Map<string, Promise<StageFiles>>();
  /** A stage without its base; with it only where something is not found otherwise. */
  const stage = (index: number, withBase: boolean): Promise<StageFiles> => {
    const key = `${index} ${withBase}`;
    const known = stages.get(key);
    if (known !== undefined) return known;
    const made = make(index, withBase);
    stages.set(key, made);
    return made;
  };
  const make = async (index: number, withBase: boolean): Promise<StageFiles> => {
    const { base, arch, steps } = plan.stages[index]!;
    const opened = withBase ? await options.openImage(base, arch ?? options.arch) : undefined;
    const files = new StageFiles(opened);
    for (const step of steps) files.add(await layerOf(step, files));
    return files;
  };
  const origin = async ({ from, source }: ImageCopy): Promise<StageFiles> => {
    if (from === undefined) throw new TypeError("A copy from the build context has no origin");
    if ("image" in from) return new StageFiles(await options.openImage(from.image, options.arch));
    const alone = await stage(from.stage, false);
    if (alone.has(source) || plan.stages[from.stage]!.base === "scratch") return alone;
    return await stage(from.stage, true);
  };
  const layerOf = async (step: ImageStep, files: StageFiles): Promise<readonly TarEntry[]> => {
    const where = `line ${step.line} of "${plan.path}"`;
    const entries: TarEntry[] = [];
    let owner: Owner | undefined;
    for (const change of step.changes) {
      if (change.kind === "directory") {
        if (!files.isDirectory(change.path)) {
          entries.push(directoryEntry(change.path.slice(1), { mtime: options.created }));
        }
      } else if (change.kind === "link") {
        const { path, target } = change;
        entries.push(symlinkEntry(path.slice(1), target, { mtime: options.created }));
      } else {
        owner = change.chown === undefined
          ? undefined
          : await ownerOf(change.chown, (path) => files.text(path));
        const found = change.from === undefined
          ? await contextEntries(change, options, where)
          : (await origin(change)).entriesAt(change.source);
        if (found.length === 0) {
          throw new KbuildError(`Cannot carry out ${where}: there is no "${change.source}"`);
        }
        entries.push(...place(change, found, files, { created: options.created, owner }));
      }
    }
    const created = { created: options.created, ...(owner === undefined ? {} : { owner }) };
    return copyLayer(files.tree, entries, created);
  };

  const last = plan.stages.at(-1) as DockerfileStage;
  const files = new StageFiles(options.base);
  const layers: ImageLayer[] = [];
  for (const step of last.steps) {
    const entries = await layerOf(step, files);
    files.add(entries);
    // WORKDIR on a directory that is there changes nothing.
    if (entries.length > 0) layers.push({ entries, createdBy: step.createdBy });
  }
  return Object.freeze(layers);
}

/**
 * Names entries as they are named in the image. A file goes into the target if that is a directory; a
 * directory's contents go into the target.
 */
function place(
  change: ImageCopy,
  found: readonly TarEntry[],
  files: StageFiles,
  { created, owner }: { created: number; owner: Owner | undefined },
): readonly TarEntry[] {
  const { capability, chmod, source, target } = change;
  const changed = (entry: TarEntry, name: string): TarEntry => ({
    ...entry,
    name,
    ...(chmod === undefined || entry.type === "symlink" ? {} : { mode: chmod }),
    ...ownedBy(owner),
    ...(capability === undefined || entry.type !== "file"
      ? {}
      : { xattrs: { ...entry.xattrs, "security.capability": capability } }),
  });
  const directory = target.replace(/^\/+|\/+$/g, "");
  const inside = (name: string) => directory === "" ? name : `${directory}/${name}`;
  const [first] = found;
  if (found.length === 1 && first!.name === "" && first!.type !== "directory") {
    const intoDirectory = target.endsWith("/") || files.isDirectory(directory);
    const name = source.slice(source.lastIndexOf("/") + 1);
    return [changed(first!, intoDirectory ? inside(name) : directory)];
  }
  return found.flatMap((entry) => {
    if (entry.name !== "") return [changed(entry, inside(entry.name))];
    // The directory itself is only where its contents come from: a new one is like any other.
    if (directory === "" || files.isDirectory(directory)) return [];
    return [{ ...directoryEntry(directory, { mtime: created }), ...ownedBy(owner) }];
  });
}
