import { digestOfFile } from "../archive/mod.ts";
import {
  type Content,
  type Program,
  scanFile,
  type ScanOptions,
  scanStream,
} from "../audit/mod.ts";
import { KbuildError } from "../errors.ts";
import { packagedFiles } from "../packages/mod.ts";

/** A program somewhere in an artifact. */
export interface FoundProgram {
  /** Name of the innermost member. */
  readonly name: string;
  /** Digest, hexadecimal. */
  readonly sha256: string;
  /** What Go wrote into it. */
  readonly program: Program;
}

/** A file that was read to its end, and the programs in it. */
export interface ReadArtifact {
  /** Digest, hexadecimal. */
  readonly sha256: string;
  /** In the order of their place; each content once. */
  readonly programs: readonly FoundProgram[];
}

/**
 * Reads an artifact to its end: a program, a tarball, an image archive, a deb or an rpm; archives in
 * archives as well.
 *
 * @param path Path of the file.
 * @throws {KbuildError} It cannot be read, or is damaged.
 */
export async function readArtifact(path: string, options: ScanOptions): Promise<ReadArtifact> {
  const found = new Map<string, FoundProgram>();
  const add = (content: Content, name: string) => {
    const { form } = content.form.kind === "gzip" ? content.form.inner : content;
    if (form.kind === "damaged") {
      throw new KbuildError(`Cannot list what is in "${path}": it is damaged: ${form.reason}`);
    }
    for (const each of programsIn(content, name)) {
      if (!found.has(each.sha256)) found.set(each.sha256, each);
    }
  };
  const name = path.slice(path.lastIndexOf("/") + 1);
  let sha256: string;
  if (/\.(deb|rpm)$/.test(name)) {
    sha256 = await digestOfFile(path, "sha256", options);
    for await (const file of packagedFiles(path)) {
      add(await scanStream(file.chunks, { ...options, label: file.name }), file.name);
    }
  } else {
    const content = await scanFile(path, options);
    sha256 = content.sha256;
    add(content, name);
  }
  return Object.freeze({ sha256, programs: Object.freeze([...found.values()]) });
}

function* programsIn({ form, sha256 }: Content, name: string): Generator<FoundProgram, void> {
  const base = name.slice(name.lastIndexOf("/") + 1);
  if (form.kind === "program") yield Object.freeze({ name: base, sha256, program: form.program });
  if (form.kind === "gzip") yield* programsIn(form.inner, name);
  if (form.kind !== "tar") return;
  for (const member of form.members) {
    if (member.content === undefined) continue;
    yield* programsIn(member.content, member.name);
  }
}
