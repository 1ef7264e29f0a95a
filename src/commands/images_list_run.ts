import { format as formatBytes } from "@std/fmt/bytes";
import { relative } from "@std/path";
import { type Input, renderTable } from "../cli/mod.ts";
import { describeArchive, type DescribedImage } from "../image/mod.ts";
import type { CommandContext } from "./context.ts";
import { findArchives, type FoundArchive } from "./image_archives.ts";

/** An image and the archive that holds it. */
export interface ListedImage extends FoundArchive, DescribedImage {
  /** Bytes of the archive. */
  readonly size: number;
}

/** The images in the archives that words name, for the platforms of `--platform`. */
export async function readImages(
  command: CommandContext,
  words: readonly string[],
  platforms: readonly string[] | undefined,
): Promise<readonly ListedImage[]> {
  const listed: ListedImage[] = [];
  for (const archive of await findArchives(command, words)) {
    const { size } = await Deno.stat(archive.path);
    for (const image of await describeArchive(archive.path, { signal: command.signal })) {
      const platform = `${image.os}/${image.architecture}`;
      if (platforms !== undefined && !platforms.includes(platform)) continue;
      listed.push(Object.freeze({ ...archive, ...image, size }));
    }
  }
  return Object.freeze(listed);
}

/** `kbuild images list`: a line for each image, its further names and capabilities below. */
export async function listImages(
  command: CommandContext,
  input: Input,
  words: readonly string[],
): Promise<void> {
  const images = await readImages(command, words, input.list("platform"));
  if (command.globals.json) {
    return command.printJson({ images });
  }
  const rows = images.flatMap((image) => {
    const { architecture, capabilities, imageId, os, path, repoTags, size } = image;
    const [first = "(no name)", ...others] = repoTags;
    const short = imageId.slice(0, "sha256:".length + 12);
    return [
      [first, `${os}/${architecture}`, formatBytes(size), short, relative(command.cwd, path)],
      ...others.map((name) => [name, "", "", "", ""]),
      ...Object.entries(capabilities).map((
        [file, words],
      ) => [`  ${file} ${words}`, "", "", "", ""]),
    ];
  });
  const header = ["IMAGE", "PLATFORM", "SIZE", "ID", "ARCHIVE"];
  command.print(renderTable([header, ...rows], { align: ["left", "left", "right"] }).trimEnd());
}
