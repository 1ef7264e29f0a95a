import { createHash } from "node:crypto";
import { join } from "@std/path";
import {
  bytesEntry,
  directoryEntry,
  gzip,
  type TarEntry,
  withParents,
  writeTar,
} from "../../src/archive/mod.ts";
import { tarOf } from "../archive/helpers.ts";

/** A tar file with the given contents. */
export async function writeArchive(
  path: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  const entries = Object.entries(files).map(([name, content]) =>
    bytesEntry(name, typeof content === "string" ? utf8(content) : content, { mtime: 0 })
  );
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  await writeTar(withParents(entries, { mtime: 0 }), async (chunk) => {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  });
}

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
export const sha256 = (data: Uint8Array | string): string =>
  createHash("sha256").update(data).digest("hex");

/** One image of a made base. */
export interface MadeImage {
  arch: string;
  variant?: string;
  /** Members of each layer. */
  layers: readonly (readonly TarEntry[])[];
  compressed?: boolean;
  config?: Record<string, unknown>;
  history?: readonly unknown[];
}

/** The layer that most tests build upon. */
export const baseLayer: readonly TarEntry[] = [
  directoryEntry("usr", { mtime: 5 }),
  directoryEntry("usr/bin", { mtime: 6, mode: 0o711 }),
  { name: "bin", type: "symlink", linkName: "usr/bin", mode: 0o777, mtime: 7, size: 0 },
  bytesEntry("usr/bin/sh", utf8("#!"), { mtime: 8, mode: 0o755 }),
  { ...directoryEntry("tmp", { mtime: 9, mode: 0o1777 }), uid: 12, gid: 13, uname: "", gname: "" },
];

/** The files of an OCI layout with some images, as `skopeo copy oci:` lays them out. */
export async function ociFiles(
  images: readonly MadeImage[],
  options: { platforms?: boolean; nested?: boolean } = {},
): Promise<Record<string, Uint8Array | string>> {
  const files: Record<string, Uint8Array | string> = {
    "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
  };
  const blob = (mediaType: string, content: Uint8Array | string) => {
    const bytes = typeof content === "string" ? utf8(content) : content;
    files[`blobs/sha256/${sha256(bytes)}`] = bytes;
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const manifests = [];
  for (const { arch, variant, layers, compressed = false, config = {}, history } of images) {
    const tars = await Promise.all(layers.map((entries) => tarOf(entries)));
    const blobs = await Promise.all(tars.map((tar) => compressed ? gzip(tar) : tar));
    const document = blob(
      "application/vnd.oci.image.config.v1+json",
      JSON.stringify({
        architecture: arch,
        variant,
        os: "linux",
        config,
        history,
        rootfs: { type: "layers", diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
      }),
    );
    const kind = `application/vnd.oci.image.layer.v1.tar${compressed ? "+gzip" : ""}`;
    const manifest = blob(
      "application/vnd.oci.image.manifest.v1+json",
      JSON.stringify({
        schemaVersion: 2,
        config: document,
        layers: blobs.map((bytes) => blob(kind, bytes)),
      }),
    );
    const platform = { os: "linux", architecture: arch, ...(variant && { variant }) };
    manifests.push({ ...manifest, ...(options.platforms === false ? {} : { platform }) });
  }
  const index = { schemaVersion: 2, manifests };
  const inner = { ...blob("application/vnd.oci.image.index.v1+json", JSON.stringify(index)) };
  files["index.json"] = JSON.stringify(options.nested ? { manifests: [inner] } : index);
  return files;
}

/** The files of what `docker save` wrote before it wrote OCI layouts. */
export async function dockerFiles(image: MadeImage): Promise<Record<string, Uint8Array | string>> {
  const tars = await Promise.all(image.layers.map((entries) => tarOf(entries)));
  const names = tars.map((_, i) => `${i}abc/layer.tar`);
  const config = JSON.stringify({
    architecture: image.arch,
    os: "linux",
    config: image.config ?? {},
    rootfs: { type: "layers", diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
  });
  return {
    ...Object.fromEntries(names.map((name, i) => [name, tars[i]!])),
    "cfg.json": config,
    "manifest.json": JSON.stringify([{ Config: "cfg.json", RepoTags: null, Layers: names }]),
  };
}

/** Writes files below a directory. */
export async function writeDirectory(
  dir: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await Deno.mkdir(join(dir, name, ".."), { recursive: true });
    await Deno.writeFile(join(dir, name), typeof content === "string" ? utf8(content) : content);
  }
}
