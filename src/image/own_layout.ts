import { join } from "@std/path";
import { foreign, isSystemEntry } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { isDigest } from "./digest.ts";
import { directoryFiles, type ImageFiles, readDocument } from "./image_files.ts";
import { canonicalJson, isObject, object, objects, parseJson } from "./json.ts";
import { blobName } from "./read_oci.ts";
import type { JsonObject } from "./types.ts";

/** Media type of an index, which each name of a layout has one of. */
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/** Annotations of each name in `index.json`. */
export const NAME_ANNOTATION = "org.opencontainers.image.ref.name";
/** The same for containerd. */
export const CONTAINERD_ANNOTATION = "io.containerd.image.name";

/** An index, its manifests and their layers: how deep a layout is. */
const MAX_DEPTH = 3;

/**
 * The evidence (`files.Evidence`) of an OCI layout that kbuild wrote, and to which nobody has added
 * anything: `oci-layout`, an `index.json` in kbuild's own form, and the blobs that it leads to. An empty
 * directory counts as well.
 *
 * @param path Absolute, links resolved.
 * @returns What is foreign in it; undefined if nothing is.
 */
export async function ownLayout(path: string): Promise<string | undefined> {
  if (!(await Deno.stat(path)).isDirectory) return "it is not a directory";
  const names = (await namesIn(path)).filter((name) => !isSystemEntry(name));
  if (names.length === 0) return undefined;
  const other = names.find((name) => !["oci-layout", "index.json", "blobs"].includes(name));
  if (other !== undefined) return foreign(path, other);
  if (!names.includes("oci-layout")) return "it is not an OCI layout";
  const reachable = await blobsOf(directoryFiles(path));
  if (reachable === undefined) return "kbuild did not write that OCI layout";
  for (const algorithm of names.includes("blobs") ? await namesIn(join(path, "blobs")) : []) {
    for (const name of await namesIn(join(path, "blobs", algorithm))) {
      const blob = join("blobs", algorithm, name);
      if (!reachable.has(blob) || !(await Deno.lstat(join(path, blob))).isFile) {
        return foreign(path, blob);
      }
    }
  }
  return undefined;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
}

/** The blobs that the index leads to; undefined if kbuild did not write it, or it is damaged. */
async function blobsOf(files: ImageFiles): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>();
  const visit = async (value: JsonObject, depth: number): Promise<void> => {
    const parts = [
      ...isObject(value["config"]) ? [value["config"]] : [],
      ...["manifests", "layers"].flatMap((key) => key in value ? objects(value[key], key) : []),
    ];
    for (const { digest, mediaType } of parts) {
      if (!isDigest(digest)) throw new KbuildError("A descriptor without a digest");
      found.add(blobName(digest));
      const leadsOn = /\.(index|manifest|manifest\.list)\.v\d\+json$/.test(String(mediaType));
      if (!leadsOn || depth === MAX_DEPTH) continue;
      const document = parseJson(await readDocument(files, blobName(digest)), digest);
      await visit(object(document, digest), depth + 1);
    }
  };
  try {
    const bytes = await readDocument(files, "index.json");
    const index = object(parseJson(bytes, "index.json"), "index.json");
    if (
      canonicalJson(index) !== new TextDecoder().decode(bytes) ||
      !objects(index["manifests"], "").every(isNamed)
    ) {
      return undefined;
    }
    await visit(index, 0);
    return found;
  } catch (error) {
    if (error instanceof KbuildError) return undefined;
    throw error;
  }
}

function isNamed({ mediaType, annotations }: JsonObject): boolean {
  return mediaType === INDEX_TYPE && isObject(annotations) &&
    [NAME_ANNOTATION, CONTAINERD_ANNOTATION].every((name) => typeof annotations[name] === "string");
}
