import { digestOfFile } from "../archive/mod.ts";
import {
  type Content,
  faultOf,
  isProgramPath,
  type Program,
  programFault,
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
  /** Bytes. */
  readonly size: number;
  /** What Go wrote into it. */
  readonly program: Program;
}

/** A file that was read to its end, and the programs in it. */
export interface ReadArtifact {
  /** Digest, hexadecimal. */
  readonly sha256: string;
  /** In the order of their place; each content once. */
  readonly programs: readonly FoundProgram[];
  /**
   * What has to be a program, as its path says, and is not a whole one: `"kubernetes/server/bin/kubelet" is empty`, each
   * once.
   */
  readonly faults: readonly string[];
  /** What the file itself is. */
  readonly content?: Pick<Content, "size" | "form">;
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
  const faults = new Set<string>();
  const add = (content: Content, name: string) => {
    const { form } = content.form.kind === "gzip" ? content.form.inner : content;
    if (form.kind === "damaged") {
      throw new KbuildError(`Cannot list what is in "${path}": it is damaged: ${form.reason}`);
    }
    for (const each of programsIn(content, name)) {
      if (!found.has(each.sha256)) found.set(each.sha256, each);
    }
    for (const fault of faultsIn(content, name)) faults.add(fault);
  };
  const name = path.slice(path.lastIndexOf("/") + 1);
  let sha256: string;
  let whole: Content | undefined;
  if (/\.(deb|rpm)$/.test(name)) {
    sha256 = await digestOfFile(path, "sha256", options);
    for await (const file of packagedFiles(path)) {
      add(await scanStream(file.chunks, { ...options, label: file.name }), file.name);
    }
  } else {
    whole = await scanFile(path, options);
    sha256 = whole.sha256;
    add(whole, name);
  }
  return Object.freeze({
    sha256,
    programs: Object.freeze([...found.values()]),
    faults: Object.freeze([...faults]),
    ...(whole === undefined ? {} : { content: whole }),
  });
}

/** Members that are not programs, though nothing else is in their places; of those that are, platforms are not looked at. */
function* faultsIn(content: Content, name: string): Generator<string, void> {
  const { form } = content;
  if (isProgramPath(name)) {
    const fault = programFault(content, { platform: undefined });
    if (fault !== undefined) yield faultOf(name, fault);
  } else if (form.kind === "gzip") yield* faultsIn(form.inner, name);
  else if (form.kind === "tar") {
    for (const { content, name } of form.members) {
      if (content !== undefined) yield* faultsIn(content, name);
    }
  }
}

function* programsIn({ form, sha256, size }: Content, name: string): Generator<FoundProgram, void> {
  const base = name.slice(name.lastIndexOf("/") + 1);
  if (form.kind === "program") {
    yield Object.freeze({ name: base, sha256, size, program: form.program });
  }
  if (form.kind === "gzip") yield* programsIn(form.inner, name);
  if (form.kind !== "tar") return;
  for (const member of form.members) {
    if (member.content === undefined) continue;
    yield* programsIn(member.content, member.name);
  }
}
