import { join, relative } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { ifPresent, readFile } from "../files/mod.ts";
import { SBOM_DIRECTORY } from "../lib/outputs.ts";
import type { ArchivedName, Attachment, AttachmentSource } from "../registry/mod.ts";
import { PROVENANCE_FILE, STATEMENT_TYPE, statementOf } from "../sbom/mod.ts";
import type { CommandContext } from "./context.ts";

/** Documents of an image as `kbuild sbom` names them, by what they are. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  "application/spdx+json": ".spdx.json",
  "application/vnd.cyclonedx+json": ".cdx.json",
};

/** What is attached to each image. */
export const ATTACHED_TYPES: readonly string[] = [...Object.keys(DOCUMENTS), STATEMENT_TYPE];

/**
 * The SBOMs and the provenance of images that are pushed, which `kbuild sbom` has made.
 *
 * @throws {KbuildError} There are none, or they are of another archive.
 */
export async function imageAttachments(
  command: CommandContext,
  archives: readonly ArchivedName[],
): Promise<AttachmentSource> {
  const { outputRoot, signal } = (await command.open()).context;
  const directory = join(outputRoot, SBOM_DIRECTORY);
  const provenance = await textOf(join(directory, PROVENANCE_FILE));
  const found = new Map<string, { readonly documents: readonly Attachment[]; sha256: string }>();
  for (const { path } of archives) {
    const name = relative(outputRoot, path);
    const sha256 = await digestOfFile(path, "sha256", { signal });
    // The provenance was written last, of everything that is described.
    if (statementOf(provenance, { name, sha256 }, { name, sha256 }) === undefined) {
      throw outdated(path);
    }
    const documents: Attachment[] = [];
    for (const [artifactType, end] of Object.entries(DOCUMENTS)) {
      const text = await textOf(join(directory, `${name.replace(/^release-/, "")}${end}`));
      documents.push({ artifactType, bytes: encode(text) });
    }
    found.set(path, { documents, sha256 });
  }
  return (path, image) => {
    const { documents, sha256 } = found.get(path)!;
    const subject = { name: image.name, sha256: image.digest.replace(/^sha256:/, "") };
    const statement = statementOf(
      provenance,
      { name: relative(outputRoot, path), sha256 },
      subject,
    );
    return [...documents, { artifactType: STATEMENT_TYPE, bytes: encode(statement!) }];
  };
}

function outdated(path: string): KbuildError {
  return new KbuildError(`Cannot attach SBOMs: none is of "${path}" as it is now`, {
    notes: ["Make them: kbuild sbom", "Only images of this checkout's release have some"],
  });
}

async function textOf(path: string): Promise<string> {
  const bytes = await ifPresent(readFile(path));
  if (bytes !== undefined) return new TextDecoder().decode(bytes);
  throw new KbuildError(`Cannot attach SBOMs: there is no "${path}"`, {
    notes: ["Make them: kbuild sbom, without --format"],
  });
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
