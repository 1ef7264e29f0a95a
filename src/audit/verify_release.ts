import { ifPresent } from "../files/mod.ts";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { KbuildError, UsageError } from "../errors.ts";
import { counted } from "../lib/counted.ts";
import { checkArtifact, type CheckedArtifact, platformOfPath } from "./check_artifact.ts";
import { type ChecksumEntry, type Checksums, type FileFacts, readChecksums } from "./checksums.ts";
import { listReleaseFile, listReleaseFiles, type ReleaseFiles } from "./release_files.ts";
import { scanFile } from "./scan.ts";
import type { Content, Finding } from "./types.ts";

/** Options of {@linkcode verifyRelease}. */
export interface VerifyOptions {
  /** Version that programs must be stamped with; default: the one that the release itself gives. */
  version?: string;
  /** Stops the reading. */
  signal?: AbortSignal;
  /** Called with each artifact as soon as it was looked at. */
  onArtifact?: (artifact: VerifiedArtifact) => void;
}

/** One artifact of a release. */
export interface VerifiedArtifact {
  /** Path below the release's directory. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Members of the archive; 0 for other files. */
  readonly members: number;
  /** Programs in it, those in images too. */
  readonly programs: number;
  /** Names of images in it. */
  readonly images: readonly string[];
  /** Platform that its programs were held against. */
  readonly platform: string | undefined;
  /** Checksum files that agree or disagree with it. */
  readonly checksums: readonly string[];
  /** What is wrong with it; empty when nothing is. */
  readonly problems: readonly Finding[];
}

/** What {@linkcode verifyRelease} found. */
export interface VerifiedRelease {
  /** The directory that names are relative to. */
  readonly root: string;
  /** Version that programs were held against; undefined where nothing says it. */
  readonly version: string | undefined;
  /** Every artifact that was found, in the order of its path. */
  readonly artifacts: readonly VerifiedArtifact[];
  /** What is wrong with the release as a whole: the path names a file. */
  readonly problems: readonly Finding[];
  /** What could not be checked, and why. */
  readonly notes: readonly string[];
}

/**
 * Compares a release with its own checksums: every entry, every archive read to its end,
 * programs of the right platform and version, consistent images. Releases of Kubernetes'
 * own scripts, which have no checksums, are read all the same.
 *
 * @param path An output root, `release-tars`, a directory with downloaded artifacts, or one artifact,
 * of which alone the checksums beside it are then looked at.
 * @returns A report; faults are problems in it, not errors.
 * @throws {KbuildError} The directory cannot be read, or has nothing to check; a UsageError if nothing is at
 * the path.
 */
export async function verifyRelease(
  path: string,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) {
    throw new UsageError(`Cannot verify "${path}": no such file or directory`);
  }
  const files = info.isDirectory ? await listReleaseFiles(path) : await listReleaseFile(path);
  const checksums = info.isDirectory ? await readChecksums(files) : await checksumsOf(files);
  const isArchive = (name: string) => /\.(tar|tar\.gz|tgz)$/.test(name);
  if (info.isDirectory && !files.artifacts.some(isArchive) && files.checksums.length === 0) {
    throw new KbuildError(`Cannot verify "${path}": there is no release in it`, {
      notes: [
        "Give an _output directory, its release-tars, or a directory with downloaded tarballs",
      ],
    });
  }
  const version = options.version ?? checksums.version ?? await versionIn(files, options.signal);
  const artifacts: VerifiedArtifact[] = [];
  // Up to 1.7, images are only in the stage.
  const staged = new Set(checksums.entries.map(({ name }) => name).filter(isStaged));
  const there = await Promise.all([...staged].map(async (name) => ({
    name,
    isThere: await ifPresent(Deno.stat(join(files.root, name))) !== undefined,
  })));
  const found = there.filter(({ isThere }) => isThere).map(({ name }) => name);
  for (const name of [...found, ...files.artifacts]) {
    const artifact = await verifyArtifact(files.root, name, checksums, version, options);
    artifacts.push(artifact);
    options.onArtifact?.(artifact);
  }
  return Object.freeze({
    root: files.root,
    version,
    artifacts: Object.freeze(artifacts),
    problems: Object.freeze([...checksums.problems, ...missingFiles(files, checksums)]),
    notes: Object.freeze(notesOn(files, checksums, version)),
  });
}

/** The entries of the listed artifacts, and of no others. */
async function checksumsOf(files: ReleaseFiles): Promise<Checksums> {
  const all = await readChecksums(files);
  const entries = all.entries.filter(({ name }) => files.artifacts.includes(name));
  return { ...all, entries, elsewhere: [] };
}

async function verifyArtifact(
  root: string,
  name: string,
  { entries }: Checksums,
  version: string | undefined,
  { signal }: VerifyOptions,
): Promise<VerifiedArtifact> {
  const own = entries.filter((entry) => entry.name === name);
  const checksums = Object.freeze(own.map(({ source }) => source));
  const sha512 = createHash("sha512");
  const nothing = { size: 0, members: 0, programs: 0, images: [], platform: undefined };
  let content: Content;
  try {
    content = await scanFile(join(root, name), {
      label: name,
      see: (chunk) => sha512.update(chunk),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (!(error instanceof KbuildError) || signal?.aborted === true) throw error;
    const problems = [{ path: [], text: error.message }];
    return Object.freeze({ ...nothing, name, checksums, problems });
  }
  const platform = own.find(({ facts }) => facts.platform)?.facts.platform;
  const checked = checkArtifact(name, content, { platform, version });
  const problems = [...factProblems(own, content, checked, sha512.digest("hex"))];
  const lists = checksumLists(entries);
  for (const source of lists) {
    if (isBeside(source, name) && !checksums.includes(source)) {
      problems.push({ path: [], text: `is not in ${source}` });
    }
  }
  if (checked.version !== undefined && version !== undefined && checked.version !== version) {
    const text = `says ${checked.version}, want ${version}`;
    problems.push({ path: ["kubernetes/version"], text });
  }
  return Object.freeze({
    name,
    size: content.size,
    members: checked.members,
    programs: checked.programs,
    images: Object.freeze(checked.images.flatMap(({ repoTags }) => repoTags)),
    platform: platformOfPath(name) ?? platform,
    checksums,
    problems: Object.freeze([...problems, ...checked.problems]),
  });
}

/** Where a file differs from its description. */
function* factProblems(
  entries: readonly ChecksumEntry[],
  content: Content,
  { images }: CheckedArtifact,
  sha512: string,
): Generator<Finding, void> {
  const tar = content.form.kind === "gzip" ? content.form.inner : undefined;
  const platform = entries[0] === undefined ? undefined : platformOfPath(entries[0].name);
  const found: FileFacts = {
    ...(platform === undefined ? {} : { platform }),
    size: content.size,
    sha256: content.sha256,
    sha512,
    ...(tar === undefined ? {} : { tarSha256: tar.sha256 }),
    ...(images.length === 1 ? { imageId: `sha256:${images[0]!.id}` } : {}),
  };
  // Other contents are one fault, however many lists and digests show it.
  const faults = new Map<string, string[]>();
  for (const { source, facts } of entries) {
    const key = CONTENT_FACTS.find((key) => facts[key] !== undefined && facts[key] !== found[key]);
    if (key === undefined) continue;
    const text = `${key} is ${shorten(found[key] ?? "unknown")}, want ${shorten(facts[key]!)}`;
    faults.set(text, [...faults.get(text) ?? [], source]);
  }
  const texts = [...faults.keys()];
  const [first, second] = ["sha256 ", "sha512 "].map((key) =>
    texts.find((text) => text.startsWith(key))
  );
  if (first !== undefined && second !== undefined) {
    faults.set(first, [...faults.get(first)!, ...faults.get(second)!]);
    faults.delete(second);
  }
  for (const [text, sources] of faults) {
    yield { path: [], text: `${text} (${[...new Set(sources)].join(", ")})` };
  }
  for (const { source, facts } of entries) {
    if (facts.platform === undefined || facts.platform === found.platform) continue;
    // Of other files the list alone says what they are for.
    if (found.platform === undefined) continue;
    const text = `platform is ${found.platform}, ${source} says ${facts.platform}`;
    yield { path: [], text };
  }
}

/** What is compared of a file's contents, the most telling first. */
const CONTENT_FACTS = ["sha256", "sha512", "tarSha256", "imageId", "size"] as const;

/** A digest in an error: its first digits. */
function shorten(fact: string | number): string {
  return `${fact}`.replace(/[0-9a-f]{13,}/, (digits) => `${digits.slice(0, 12)}…`);
}

/** A stage is of no use once it is packed, and may be removed. */
function isStaged(name: string): boolean {
  return name.startsWith("release-stage/");
}

/** Files that speak of many others. */
function checksumLists(entries: readonly ChecksumEntry[]): readonly string[] {
  const lists = entries.filter(({ source }) => !/\.sha(256|512)$/.test(source));
  return [...new Set(lists.map(({ source }) => source))];
}

/** Whether a list speaks for a file: tarballs in its directory. Images are in `artifacts.json` alone. */
function isBeside(list: string, name: string): boolean {
  const directory = list.slice(0, list.lastIndexOf("/") + 1);
  return name.startsWith(directory) && !name.slice(directory.length).includes("/") &&
    /\.(tar\.gz|tgz)$/.test(name);
}

function missingFiles(files: ReleaseFiles, { entries }: Checksums): Finding[] {
  const there = new Set([...files.artifacts, ...files.checksums]);
  const sources = new Map<string, string[]>();
  for (const { name, source } of entries) {
    if (!there.has(name) && !isStaged(name)) {
      sources.set(name, [...sources.get(name) ?? [], source]);
    }
  }
  return [...sources].map(([name, from]) => ({
    path: [name],
    text: `is missing; named by ${from.join(", ")}`,
  }));
}

function notesOn(
  files: ReleaseFiles,
  checksums: Checksums,
  version: string | undefined,
): readonly string[] {
  const notes: string[] = [];
  const named = new Set(checksums.entries.map(({ name }) => name));
  const unnamed = files.artifacts.filter((name) => !named.has(name));
  if (files.checksums.length === 0) notes.push("Checksums not compared: there are none here");
  else if (unnamed.length > 0) notes.push(`No checksum is given of ${unnamed.join(", ")}`);
  if (version === undefined) notes.push("Versions not compared: nothing here says one");
  if (checksums.elsewhere.length > 0) {
    notes.push(
      `${
        counted(checksums.elsewhere.length, "image")
      } of artifacts.json not looked at: give the directory above ` +
        "release-tars",
    );
  }
  return notes;
}

/** What the smallest tarball with a version says: those of the scripts have no list beside them. */
async function versionIn(
  { root, artifacts }: ReleaseFiles,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const tarballs = artifacts.filter((name) => /kubernetes[^/]*\.tar\.gz$/.test(name));
  const sized = await Promise.all(tarballs.map(async (name) => {
    return { name, size: (await ifPresent(Deno.stat(join(root, name))))?.size ?? Infinity };
  }));
  for (const { name } of sized.sort((a, b) => a.size - b.size)) {
    const found = await firstVersion(join(root, name), signal);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function firstVersion(
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const content = await scanFile(path, signal === undefined ? {} : { signal });
    return checkArtifact(path, content, { platform: undefined, version: undefined }).version;
  } catch (error) {
    // Its faults are reported when its turn comes.
    if (error instanceof KbuildError) return undefined;
    throw error;
  }
}
