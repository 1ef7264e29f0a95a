import { cleanName } from "../archive/mod.ts";
import { jsonIn } from "../files/mod.ts";
import { isObject, type Json, type JsonObject } from "../image/mod.ts";
import { counted } from "../lib/counted.ts";
import type { Content, Finding, Member } from "./types.ts";

/** An image in an archive as `docker save` writes it (and `docker load` reads). */
export interface ArchivedImage {
  /** Names it goes by: `registry.k8s.io/kube-proxy-amd64:v1.20.2`. */
  readonly repoTags: readonly string[];
  /** Digest of the configuration, which is the image's id; hexadecimal. */
  readonly id: string;
  /** The configuration. */
  readonly config: JsonObject;
  /** Lowest first, uncompressed: an archive, unless it is damaged. */
  readonly layers: readonly Content[];
}

/** The images of an archive, and what is wrong with how they hang together. */
export interface ArchivedImages {
  readonly images: readonly ArchivedImage[];
  readonly problems: readonly Finding[];
}

/**
 * The images of an archive's members, their layers checked against the configuration's `diff_ids`.
 * Pure.
 *
 * @returns Undefined for an archive that is not an image archive: it has no `manifest.json`, or one that
 * is of something else.
 */
export function readArchivedImages(members: readonly Member[]): ArchivedImages | undefined {
  const byName = new Map(members.map((member) => [plainName(member.name), member]));
  const manifest = jsonOf(byName.get("manifest.json")?.content);
  if (!Array.isArray(manifest) || !manifest.every((each) => isObject(each) && "Layers" in each)) {
    return undefined;
  }
  const problems: Finding[] = [];
  const images = (manifest as readonly JsonObject[]).flatMap((entry) =>
    readImage(entry, byName, problems) ?? []
  );
  if (manifest.length === 0) problems.push({ path: ["manifest.json"], text: "names no image" });
  return Object.freeze({ images: Object.freeze(images), problems: Object.freeze(problems) });
}

/** What is wrong with the index of an OCI archive: its manifests must be in the archive. Pure. */
export function indexProblems(members: readonly Member[]): readonly Finding[] {
  const byName = new Map(members.map((member) => [plainName(member.name), member]));
  if (!byName.has("oci-layout")) return [];
  const complain = (text: string): Finding => ({ path: ["index.json"], text });
  const index = jsonOf(byName.get("index.json")?.content);
  const manifests = isObject(index) ? index["manifests"] : undefined;
  if (!Array.isArray(manifests) || !manifests.every(isObject)) {
    return [complain("is not the index of an OCI archive")];
  }
  return manifests.map((entry) => textOf(entry["digest"])).filter((digest) => {
    const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
    return hex === undefined || byName.get(`blobs/sha256/${hex}`)?.content?.sha256 !== hex;
  }).map((digest) => complain(`names manifest "${digest}", which is not in the archive`));
}

function readImage(
  entry: JsonObject,
  members: ReadonlyMap<string, Member>,
  problems: Finding[],
): ArchivedImage | undefined {
  const complain = (text: string, path = ["manifest.json"]) => void problems.push({ path, text });
  const configName = textOf(entry["Config"]);
  const content = contentOf(configName, members);
  const config = jsonOf(content);
  if (content === undefined || !isObject(config)) {
    complain(`the image's configuration "${configName}" is missing, or no JSON`);
    return undefined;
  }
  const named = /([0-9a-f]{64})(\.json)?$/.exec(configName)?.[1];
  if (named !== undefined && named !== content.sha256) {
    complain(`has digest ${content.sha256}, which is not its name`, [configName]);
  }
  const rootfs = config["rootfs"];
  const diffIds = textsOf(isObject(rootfs) ? rootfs["diff_ids"] : undefined);
  const names = textsOf(entry["Layers"]);
  if (names.length !== diffIds.length) {
    complain(
      `lists ${counted(names.length, "layer")}, the image's configuration ${diffIds.length}`,
    );
  }
  const layers: Content[] = [];
  for (const [index, name] of names.entries()) {
    const stored = contentOf(name, members);
    if (stored === undefined) {
      complain(`names layer "${name}", which is not in the archive`);
      continue;
    }
    const layer = stored.form.kind === "gzip" ? stored.form.inner : stored;
    if (diffIds[index] !== undefined && diffIds[index] !== `sha256:${layer.sha256}`) {
      complain(`has digest sha256:${layer.sha256}, the configuration says ${diffIds[index]}`, [
        name,
      ]);
    }
    layers.push(layer);
  }
  return Object.freeze({
    repoTags: Object.freeze(textsOf(entry["RepoTags"])),
    id: content.sha256,
    config,
    layers: Object.freeze(layers),
  });
}

/** What a name stands for; docker before 25 writes a layer that comes again as a link. */
function contentOf(name: string, members: ReadonlyMap<string, Member>): Content | undefined {
  const member = members.get(plainName(name));
  if (member?.type !== "symlink" && member?.type !== "hardlink") return member?.content;
  const target = member.linkName ?? "";
  const path = member.type === "symlink" ? `${name}/../${target}` : target;
  return members.get(cleanName(path))?.content;
}

/** A document as JSON; undefined if it is not JSON or was not kept. */
export function jsonOf(content: Content | undefined): Json | undefined {
  if (content?.document === undefined) return undefined;
  return jsonIn(new TextDecoder().decode(content.document)) as Json | undefined;
}

function plainName(name: string): string {
  return name.replace(/^\.\//, "").replace(/\/$/, "");
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map((each) => textOf(each)) : [];
}
