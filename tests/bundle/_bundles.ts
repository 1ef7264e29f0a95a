/** Bundles of made-up files. */
import { join } from "@std/path";
import { bytesEntry, packTarball, readTar, type TarEntry } from "../../src/archive/mod.ts";
import {
  type BundledImage,
  type BundleSource,
  partsOf,
  writeBundle,
  type WrittenBundle,
} from "../../src/bundle/mod.ts";
import { copyImageArchive } from "../../src/image/mod.ts";
import { tinyProgram } from "../audit/_programs.ts";
import { fetchImages } from "../../src/registry/mod.ts";
import { makeImage, withRegistry, type World } from "../registry/_world.ts";

/** The kbuild that makes bundles of tests. */
export const KBUILD = "1.2.3";

/** A program for linux/amd64, a character a byte. */
export function program(version = "v1.20.2"): string {
  return new TextDecoder("latin1").decode(tinyProgram({ versions: [version], size: 4096 }));
}

/** Archives of images that a registry on this machine has. */
async function makeImages({ dir, context }: World): Promise<readonly BundledImage[]> {
  const plain = await makeImage(["amd64"], 20_000);
  const images: BundledImage[] = [];
  for (const { name, kind, isReleased } of partsOf(20)) {
    if (kind !== "image") continue;
    const made = await makeImage(["amd64"], 20_000, [
      bytesEntry(`usr/bin/${name}`, tinyProgram(), { mtime: 7, mode: 0o755 }),
    ]);
    await withRegistry(isReleased ? made : plain, async ({ host }) => {
      const reference = `registry.example/${name}:v1.20.2`;
      const wanted = { reference: `${host}/${name}:v1.20.2`, archs: ["amd64"] };
      const [image] = await fetchImages(context(), [wanted]);
      const copied = await copyImageArchive(join(dir, `${name}.tar`), image!.files, {
        ...{ arch: "amd64", names: [reference], mtime: 7 },
      });
      images.push({ name, reference, path: `images/${name}.tar`, ...copied });
    });
  }
  return images;
}

/** Writes a complete bundle. */
export async function makeBundle(world: World, out: string): Promise<WrittenBundle> {
  const texts: Readonly<Record<string, string>> = {
    "bin/kubelet": program(),
    "bin/kubeadm": program(),
    "bin/kubectl": program(),
    "packages/deb/kubelet_1.20.2-00_amd64.deb": "a deb",
    "packages/rpm/x86_64/kubelet-1.20.2-0.x86_64.rpm": "an rpm",
    "sbom/provenance.json": "{}",
  };
  const sources: BundleSource[] = [];
  for (const [path, text] of Object.entries(texts)) {
    const file = join(world.dir, path.replaceAll("/", "_"));
    await Deno.writeTextFile(file, text);
    sources.push({ path, file });
  }
  const crictl = tinyProgram({ versions: [] });
  for (const name of ["cni-plugins-linux-amd64-v0.8.7.tgz", "crictl-v1.19.0-linux-amd64.tar.gz"]) {
    const file = join(world.dir, name);
    await packTarball([bytesEntry("crictl", crictl, { mtime: 7, mode: 0o755 })], file);
    sources.push({ path: `programs/${name}`, file });
  }
  const images = await makeImages(world);
  for (const { path, name } of images) sources.push({ path, file: join(world.dir, `${name}.tar`) });
  return await writeBundle(out, {
    ...{ version: "v1.20.2", platform: "linux/amd64", kbuild: KBUILD, leftOut: [], mtime: 7 },
    ...{ images, sources },
  });
}

/** The members of an archive, to be changed. */
export async function membersOf(path: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const member of readTar(path)) {
    const { name, mode, mtime, type } = member;
    if (type === "directory") entries.push({ name, mode, mtime, size: 0, type });
    else entries.push(bytesEntry(name, await member.bytes(), { mode, mtime }));
  }
  return entries;
}
