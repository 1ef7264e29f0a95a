import { join } from "@std/path";
import { objectIn, readText, reasonOf } from "../files/mod.ts";
import type { ReleaseFiles } from "./release_files.ts";
import type { Finding } from "./types.ts";

/** What is known of a file in any way: digests in hexadecimal, the size in bytes. */
export interface FileFacts {
  readonly size?: number;
  readonly sha256?: string;
  readonly sha512?: string;
  /** SHA-256 of the tar inside a `.tar.gz`. */
  readonly tarSha256?: string;
  /** Digest of the configuration of the image in it: `sha256:…`. */
  readonly imageId?: string;
  /** What its programs run on. */
  readonly platform?: string;
}

/** What one checksum file says of one other file. */
export interface ChecksumEntry {
  /** The file that says so. */
  readonly source: string;
  /** The file that it is about. */
  readonly name: string;
  readonly facts: FileFacts;
}

/** All that the checksum files of a release say. */
export interface Checksums {
  readonly entries: readonly ChecksumEntry[];
  /** What `artifacts.json` says. */
  readonly version: string | undefined;
  /** What is wrong with the checksum files themselves; the path is the file's name. */
  readonly problems: readonly Finding[];
  /** Listed files in directories that are not examined. */
  readonly elsewhere: readonly string[];
}

/** Larger checksum files are not read: a release has some hundred files at most. */
const MAX_BYTES = 16 << 20;

/** Reads every checksum file of a release. Faults in them are findings, not errors. */
export async function readChecksums(files: ReleaseFiles): Promise<Checksums> {
  const entries: ChecksumEntry[] = [];
  const problems: Finding[] = [];
  const elsewhere: string[] = [];
  let version: string | undefined;
  for (const source of files.checksums) {
    const complain = (text: string) => void problems.push({ path: [source], text });
    const text = await readChecksumFile(join(files.root, source), complain);
    if (text === undefined) continue;
    const directory = source.includes("/") ? source.slice(0, source.lastIndexOf("/") + 1) : "";
    const add = (path: string, facts: FileFacts) => {
      const name = inside(`${directory}${path}`);
      if (name === undefined) complain(`names "${path}", which is outside the directory`);
      else entries.push(Object.freeze({ source, name, facts }));
    };
    if (source.endsWith("artifacts.json")) {
      const list = parseList(text);
      if (list === undefined) {
        complain("is not a list of artifacts as kbuild writes it");
        continue;
      }
      version ??= list.version;
      for (const { path, facts } of list.artifacts) {
        // Paths start at the output root, the list is in release-tars.
        const here = files.isOutputRoot ? `../${path}` : path.replace(/^release-tars\//, "");
        if (!files.isOutputRoot && !path.startsWith("release-tars/")) elsewhere.push(path);
        else add(here, facts);
      }
      continue;
    }
    const own = /\.sha(256|512)$/.exec(source);
    const algorithm = (own?.[1] ?? source.slice(directory.length)).includes("256")
      ? "sha256"
      : "sha512";
    const lines = text.split("\n").map((line) => line.replace(/\r$/, "")).filter(Boolean);
    if (lines.length === 0) complain("is empty");
    for (const line of lines) {
      const [, hex = "", name] = /^\\?([0-9a-fA-F]+)(?: [ *](.+))?$/.exec(line) ?? [];
      const length = algorithm === "sha256" ? 64 : 128;
      // krel publishes the digest of a single file alone, sha256sum writes the name behind it.
      const path = own === null ? name : source.slice(directory.length, -own[0].length);
      if (hex.length !== length || path === undefined) {
        complain(`has a line that is not a ${algorithm} checksum: ${JSON.stringify(line)}`);
      } else add(path, { [algorithm]: hex.toLowerCase() });
    }
  }
  return Object.freeze({
    entries: Object.freeze(entries),
    version,
    problems: Object.freeze(problems),
    elsewhere: Object.freeze(elsewhere),
  });
}

async function readChecksumFile(
  path: string,
  complain: (text: string) => void,
): Promise<string | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size <= MAX_BYTES) return await readText(path);
    complain(`is too large for checksums: ${size} bytes`);
  } catch (cause) {
    complain(`cannot be read: ${reasonOf(cause)}`);
  }
  return undefined;
}

/** A relative path without `.` and `..`; undefined where it leads out of the directory. */
function inside(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "." || part === "") continue;
    if (part === ".." && parts.pop() === undefined) return undefined;
    if (part !== "..") parts.push(part);
  }
  return path.startsWith("/") ? undefined : parts.join("/");
}

interface ArtifactList {
  readonly version: string | undefined;
  readonly artifacts: readonly { readonly path: string; readonly facts: FileFacts }[];
}

function parseList(text: string): ArtifactList | undefined {
  const { version, artifacts: listed } = objectIn(text) ?? {};
  if (!Array.isArray(listed)) return undefined;
  const artifacts: { path: string; facts: FileFacts }[] = [];
  for (const each of listed) {
    const { path, size, ...rest } = (each ?? {}) as Record<string, unknown>;
    if (typeof path !== "string") return undefined;
    const facts: Record<string, unknown> = typeof size === "number" ? { size } : {};
    for (const key of ["sha256", "sha512", "tarSha256", "imageId", "platform"]) {
      if (typeof rest[key] === "string") facts[key] = rest[key];
    }
    artifacts.push({ path, facts: Object.freeze(facts) });
  }
  return { version: typeof version === "string" ? version : undefined, artifacts };
}
