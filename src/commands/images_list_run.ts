import { format as formatBytes } from "@std/fmt/bytes";
import { relative } from "@std/path";
import type { Input } from "../cli/mod.ts";
import { KbuildError } from "../errors.ts";
import { describeArchive, type DescribedImage } from "../image/mod.ts";
import type { CommandContext } from "./context.ts";
import { shortDigest } from "./short_digest.ts";
import { findArchives, type FoundArchive } from "./image_archives.ts";

/** An image and the archive that holds it. */
export interface ListedImage extends FoundArchive, DescribedImage {
  /** Bytes of the archive. */
  readonly size: number;
}

/**
 * The images in the archives that words name, for the given platforms.
 *
 * @throws {KbuildError} None of them is for such a platform.
 */
export async function readImages(
  command: CommandContext,
  words: readonly string[],
  platforms: readonly string[] | undefined,
): Promise<readonly ListedImage[]> {
  const listed: ListedImage[] = [];
  const others = new Set<string>();
  for (const archive of await findArchives(command, words)) {
    const { size } = await Deno.stat(archive.path);
    for (const image of await describeArchive(archive.path, { signal: command.signal })) {
      const platform = `${image.os}/${image.architecture}`;
      const isWanted = platforms?.includes(platform) ?? true;
      if (isWanted) listed.push(Object.freeze({ ...archive, ...image, size }));
      else others.add(platform);
    }
  }
  if (listed.length === 0) throw noImages(platforms ?? [], [...others]);
  return Object.freeze(listed);
}

/**
 * The error where no image is for the platforms that are asked for.
 *
 * @param others Platforms of the images that there are.
 */
export function noImages(platforms: readonly string[], others: readonly string[]): KbuildError {
  if (others.length === 0) {
    return new KbuildError("Cannot find an image: there is none in these archives", {
      notes: ['"manifest.json" of an archive names its images'],
    });
  }
  return new KbuildError(`Cannot find an image for ${platforms.join(" or ")}`, {
    notes: [`These are for ${[...new Set(others)].sort().join(", ")}; --platform chooses`],
  });
}

/** `kbuild images list`: a line for each image, its further names and capabilities below. */
export async function listImages(
  command: CommandContext,
  input: Input,
): Promise<void> {
  const images = await readImages(command, input.args, input.list("platform"));
  if (command.globals.json) {
    return command.printJson({ images });
  }
  const rows = images.flatMap((image) => {
    const { architecture, capabilities, imageId, os, path, repoTags, size } = image;
    const [first = "(no name)", ...others] = repoTags;
    const short = shortDigest(imageId);
    return [
      [first, `${os}/${architecture}`, formatBytes(size), short, relative(command.cwd, path)],
      ...others.map((name) => [name, "", "", "", ""]),
      ...Object.entries(capabilities).map((
        [file, words],
      ) => [`  ${file} ${words}`, "", "", "", ""]),
    ];
  });
  const header = ["IMAGE", "PLATFORM", "SIZE", "ID", "ARCHIVE"];
  command.printTable([header, ...rows], {
    align: ["left", "left", "right"],
    cut: ["name", undefined, undefined, "end", "start"],
  });
}
