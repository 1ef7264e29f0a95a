import { basename, dirname, join } from "@std/path";
import {
  checkDisposable,
  clearLeftover,
  ifPresent,
  lockFile,
  MARKS_ALONE,
  type OwnershipContext,
  realPathOfNearest,
  reasonOf,
  removeTree,
  TEMPORARY_PREFIX,
  WorkDirectory,
  writeAll,
} from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { compareNames } from "../archive/mod.ts";
import { digestOf, hexOf, verified } from "./digest.ts";
import { archiveFiles, type ImageFiles, readDocument } from "./image_files.ts";
import { readDockerManifest, repoTagsOf } from "./docker_archive.ts";
import { canonicalJson, object, objects, parseJson, text } from "./json.ts";
import { CONTAINERD_ANNOTATION, INDEX_TYPE, NAME_ANNOTATION, ownLayout } from "./own_layout.ts";
import { blobName } from "./read_oci.ts";
import { parseRepoTag } from "./repo_tag.ts";
import type { JsonObject } from "./types.ts";

/** A finished OCI layout. */
export interface OciLayout {
  /** The directory, as it was asked for. */
  readonly path: string;
  /** Names of the images, sorted: `registry.k8s.io/kube-proxy:v1.35.0`. */
  readonly names: readonly string[];
}

/**
 * Writes one OCI layout with the images of several archives: an index for each name, the name without
 * `-<arch>`, with an entry for each platform. `index.json` tells them apart by the annotation
 * `org.opencontainers.image.ref.name`, the whole name, as skopeo takes it (`oci:DIR:NAME`). Nothing in
 * it depends on anything but the archives. The directory appears complete or not at all; one that kbuild
 * wrote before is replaced.
 *
 * @param out The directory to write.
 * @param archives Paths of archives that `writeImageArchive` wrote.
 * @throws {KbuildError} `out` holds what kbuild did not write, or cannot be written; an archive is
 * damaged, or two hold different images of one name and platform.
 */
export async function writeOciLayout(
  out: string,
  archives: readonly string[],
  options: { signal?: AbortSignal; ownership?: OwnershipContext } = {},
): Promise<OciLayout> {
  const { ownership, signal } = options;
  // Before anything is written beside it.
  await checkOciLayout(out, ownership);
  // A link stays, and what it leads to is replaced.
  const target = realPathOfNearest(out);
  const side = sideName(target);
  const explain = (cause: unknown) =>
    new KbuildError(`Cannot write OCI layout "${out}": ${reasonOf(cause)}`, { cause });
  try {
    using _lock = await lockFile(`${side}.lock`, { signal, temporary: true, explain });
    await clearLeftover(side);
    await checkOciLayout(out, ownership);
    await using work = await WorkDirectory.make(side);
    const names = await fillLayout(join(work.path, LAYOUT), archives, signal);
    signal?.throwIfAborted();
    await work.replace({ [LAYOUT]: target });
    return Object.freeze({ path: out, names });
  } catch (error) {
    throw error instanceof KbuildError || signal?.aborted === true ? error : explain(error);
  }
}

/** Name of the layout in its work directory. */
const LAYOUT = "layout";

/**
 * Where a layout is made: beside its place, under a name that the next run finds again. It is short,
 * since the name of the layout may already be as long as a name can be.
 */
function sideName(target: string): string {
  const digest = hexOf(digestOf(basename(target))).slice(0, 12);
  return join(dirname(target), `${TEMPORARY_PREFIX}${digest}`);
}

/** Fills a new directory; returns the names of the images, sorted. */
async function fillLayout(
  layout: string,
  archives: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  await Deno.mkdir(join(layout, "blobs/sha256"), { recursive: true });
  const byName = new Map<string, JsonObject[]>();
  for (const path of archives) {
    await using files = await archiveFiles(path);
    const { descriptor, names } = await copyImage(files, layout, signal);
    for (const name of names) byName.set(name, [...byName.get(name) ?? [], descriptor]);
  }
  const names = [...byName.keys()].sort(compareNames);
  const manifests: JsonObject[] = [];
  for (const name of names) {
    const index = canonicalJson({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: sortedPlatforms(name, byName.get(name)!),
    });
    const digest = digestOf(index);
    await Deno.writeTextFile(join(layout, blobName(digest)), index);
    manifests.push({
      mediaType: INDEX_TYPE,
      digest,
      size: new TextEncoder().encode(index).length,
      annotations: {
        [CONTAINERD_ANNOTATION]: parseRepoTag(name).full,
        [NAME_ANNOTATION]: name,
      },
    });
  }
  const index = canonicalJson({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
  await Deno.writeTextFile(join(layout, "index.json"), index);
  const version = canonicalJson({ imageLayoutVersion: "1.0.0" });
  await Deno.writeTextFile(join(layout, "oci-layout"), version);
  return Object.freeze(names);
}

/**
 * Checks that an OCI layout may be written to a directory: it is missing, empty, or a layout that kbuild
 * wrote and nobody has added to.
 *
 * @param ownership Default: nothing but the directory itself decides.
 * @throws {KbuildError} It is something else, or must stay.
 */
export async function checkOciLayout(
  out: string,
  ownership: OwnershipContext = MARKS_ALONE,
): Promise<void> {
  await checkParent(out);
  await checkDisposable(out, {
    action: "write OCI layout",
    evidence: ownLayout,
    notes: ["Name a directory that does not exist, or a layout that kbuild wrote, to replace it"],
    replaced: true,
  }, ownership);
}

/**
 * {@linkcode checkOciLayout}, and a try whether anything can be made beside the directory, before hours
 * are spent on what goes into it.
 *
 * @throws {KbuildError} It must stay, or cannot be written.
 */
export async function probeOciLayout(out: string, ownership?: OwnershipContext): Promise<void> {
  await checkOciLayout(out, ownership);
  const parent = dirname(realPathOfNearest(out));
  try {
    await removeTree(await Deno.makeTempDir({ dir: parent, prefix: TEMPORARY_PREFIX }));
  } catch (cause) {
    throw new KbuildError(`Cannot write OCI layout "${out}": ${reasonOf(cause)}`, {
      notes: [`Name a directory where you may write: nothing can be made in "${parent}"`],
      cause,
    });
  }
}

async function checkParent(out: string): Promise<void> {
  const parent = await ifPresent(Deno.stat(dirname(out)));
  if (parent?.isDirectory === true) return;
  throw new KbuildError(
    `Cannot write OCI layout "${out}": there is no directory "${dirname(out)}"`,
  );
}

/** Copies the blobs of an archive's image; its descriptor, and the names of the lists it belongs to. */
async function copyImage(
  files: ImageFiles,
  work: string,
  signal: AbortSignal | undefined,
): Promise<{ descriptor: JsonObject; names: readonly string[] }> {
  const where = `"index.json" of "${files.label}"`;
  const index = object(parseJson(await readDocument(files, "index.json"), where), where);
  const [first] = objects(index["manifests"], where);
  const { annotations: _, ...descriptor } = object(first, where);
  const platform = object(descriptor["platform"], where);
  const digest = text(descriptor["digest"], where);
  const inside = `blob "${digest}" of "${files.label}"`;
  const manifest = object(parseJson(await readDocument(files, blobName(digest)), inside), inside);
  const parts = [object(manifest["config"], inside), ...objects(manifest["layers"], inside)];
  for (const blob of [digest, ...parts.map((part) => text(part["digest"], inside))]) {
    signal?.throwIfAborted();
    await copyBlob(files, blob, work);
  }
  const tags = (await readDockerManifest(files)).flatMap((entry) => repoTagsOf(files, entry));
  const arch = text(platform["architecture"], where);
  return { descriptor, names: [...new Set(tags.map((tag) => listName(tag, arch)))] };
}

/** `registry.k8s.io/kube-proxy-arm64:v1` → `registry.k8s.io/kube-proxy:v1`, as krel names lists. */
function listName(name: string, arch: string): string {
  const colon = name.lastIndexOf(":");
  const [repository, tag] = [name.slice(0, colon), name.slice(colon)];
  const suffix = `-${arch}`;
  return (repository.endsWith(suffix) ? repository.slice(0, -suffix.length) : repository) + tag;
}

async function copyBlob(files: ImageFiles, digest: string, work: string): Promise<void> {
  const path = join(work, blobName(digest));
  if (await ifPresent(Deno.lstat(path)) !== undefined) return;
  using file = await Deno.open(path, { write: true, createNew: true });
  const label = `blob "${hexOf(digest).slice(0, 12)}" of "${files.label}"`;
  for await (const chunk of verified(files.read(blobName(digest)), digest, label)) {
    writeAll(path, file, chunk);
  }
}

/** The entries of an index, one a platform. */
function sortedPlatforms(name: string, found: readonly JsonObject[]): readonly JsonObject[] {
  const keyOf = (descriptor: JsonObject) => canonicalJson(descriptor["platform"] ?? null);
  const byPlatform = new Map<string, JsonObject>();
  for (const descriptor of found) {
    const other = byPlatform.get(keyOf(descriptor));
    if (other !== undefined && other["digest"] !== descriptor["digest"]) {
      throw new KbuildError(`Cannot write one image "${name}": two are for ${keyOf(descriptor)}`);
    }
    byPlatform.set(keyOf(descriptor), descriptor);
  }
  return [...byPlatform].sort(([a], [b]) => compareNames(a, b)).map(([, descriptor]) => descriptor);
}
