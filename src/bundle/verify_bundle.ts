import { join } from "@std/path";
import {
  cleanName,
  maybeGunzip,
  parentsOf,
  quoteName,
  readFileChunks,
  readTar,
} from "../archive/mod.ts";
import { checkArtifact, type Content, scanFile } from "../audit/mod.ts";
import { KbuildError, systemCode, UsageError } from "../errors.ts";
import { entriesOf, isDirectory, objectIn, readText } from "../files/mod.ts";
import { CONTAINERD_ANNOTATION, NAME_ANNOTATION, parseRepoTag } from "../image/mod.ts";
import { parseKubernetesVersion } from "../packages/mod.ts";
import { INSTALL_SCRIPT } from "./install_script.ts";
import {
  bundleName,
  DIRECTORIES,
  MANIFEST_FILE,
  parseManifest,
  SCRIPT_FILE,
  SUMS_FILE,
  sumsText,
} from "./manifest.ts";
import { publishedProgramFaults } from "./published_programs.ts";
import { BUNDLE_PARTS, type BundlePart, partsOf } from "./parts.ts";
import type { BundledImage, BundleManifest } from "./types.ts";

/** Options of {@linkcode verifyBundle}. */
export interface VerifyBundleOptions {
  /** Version of kbuild that verifies. */
  readonly kbuild: string;
  /** SHA-256 that the archive must have, hexadecimal. */
  readonly digest?: string | undefined;
  /** Stops the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of a bundle that was verified. */
export interface VerifiedBundle {
  /** Its list. */
  readonly manifest: BundleManifest;
  /** Digest of the archive, hexadecimal; undefined for a directory. */
  readonly sha256: string | undefined;
  /** What is wrong, a line each; empty for a bundle that is right. */
  readonly problems: readonly string[];
  /** What was not checked, a sentence each. */
  readonly notes: readonly string[];
}

/** A file or something else in a bundle. */
interface Item {
  /** Below the bundle's directory; of that itself "". */
  readonly path: string;
  readonly type: "file" | "directory" | "other";
  readonly mode: number;
  /** Of a file. */
  readonly content: Content | undefined;
}

/** Bytes of `bundle.json` and of `SHA256SUMS`: real ones have some kilobytes. */
const MAX_LIST = 4 << 20;

/** Members of a bundle: a real one has below a hundred. */
const MAX_MEMBERS = 10_000;

/**
 * Checks a bundle that nobody vouches for, without unpacking it: an archive, or a directory that one was unpacked
 * to. It must be complete: what it says is in it is there, with its digest, and nothing else; every part is there or
 * named as left out. Programs and images must be whole, and what their names say. What is wrong is not an error
 * but reported.
 *
 * @throws {KbuildError} It cannot be read, or is not a bundle at all.
 */
export async function verifyBundle(
  path: string,
  { kbuild, digest, signal }: VerifyBundleOptions,
): Promise<VerifiedBundle> {
  const isUnpacked = await isDirectory(path);
  const lists = isUnpacked ? await listsIn(path) : await listsOf(path);
  const manifest = parseManifest(lists.manifest);
  const problems: string[] = [];
  const archive = isUnpacked ? undefined : await scanFile(path, { signal });
  const items = archive === undefined
    ? await itemsIn(path, signal)
    : itemsOf(archive, bundleName(manifest), problems);
  if (digest !== undefined && archive?.sha256 !== digest) {
    problems.push(
      archive === undefined
        ? "its digest cannot be checked: it is unpacked"
        : `its digest is sha256:${archive.sha256}, want sha256:${digest}`,
    );
  }
  problems.push(...checkList(manifest, items, lists), ...checkParts(manifest));
  for (const item of items) problems.push(...checkContent(item, manifest));
  const isKnown = digest !== undefined && archive?.sha256 === digest;
  const script = checkScript(lists.script, isKnown && manifest.kbuild !== kbuild);
  problems.push(...script.problems);
  const notes = [
    ...script.notes,
    ...(digest === undefined
      ? ["Who made it was not checked: --digest compares its digest with one that you know"]
      : []),
  ];
  return Object.freeze({
    manifest,
    sha256: archive?.sha256,
    problems: Object.freeze(problems),
    notes: Object.freeze(notes),
  });
}

/** Texts of a bundle that decide what is looked for. */
interface Lists {
  readonly manifest: string;
  readonly sums: string;
  readonly script: string | undefined;
}

/** The lists at the beginning of an archive, and the script. */
async function listsOf(path: string): Promise<Lists> {
  const found = new Map<string, string>();
  try {
    await readLists(path, found);
  } catch (error) {
    if (found.has(MANIFEST_FILE) || !isAboutContent(error)) throw error;
    throw new KbuildError(`Cannot verify "${path}": it is not a bundle`, {
      output: [error.message],
      notes: ["If it should be one, it was not copied completely: get it again", OTHER_COMMANDS],
      cause: error,
    });
  }
  return listsFrom(path, found);
}

async function readLists(path: string, found: Map<string, string>): Promise<void> {
  const source = maybeGunzip(readFileChunks(path), path);
  let members = 0;
  for await (const member of readTar(source, { label: path })) {
    if (++members > MAX_MEMBERS) break;
    const name = member.name.replace(/^[^/]*\//, "");
    if (![MANIFEST_FILE, SUMS_FILE, SCRIPT_FILE].includes(name) || found.has(name)) {
      // The lists come first: what is behind much else is not a bundle's.
      if (members > 3 && !found.has(MANIFEST_FILE)) break;
      continue;
    }
    // One that is missing is named by whoever needs it.
    if (member.type !== "file" || member.size > MAX_LIST) continue;
    found.set(name, new TextDecoder().decode(await member.bytes()));
    if (found.size === 3) break;
  }
}

async function listsIn(path: string): Promise<Lists> {
  const found = new Map<string, string>();
  for (const name of [MANIFEST_FILE, SUMS_FILE, SCRIPT_FILE]) {
    const entry = (await entriesOf(path))?.find((each) => each.name === name);
    if (entry === undefined) continue;
    const { size } = await Deno.lstat(join(path, name));
    if (!entry.isFile || size > MAX_LIST) continue;
    found.set(name, await readText(join(path, name)));
  }
  return listsFrom(path, found);
}

function listsFrom(path: string, found: ReadonlyMap<string, string>): Lists {
  const [manifest, sums] = [found.get(MANIFEST_FILE), found.get(SUMS_FILE)];
  if (manifest === undefined) throw notABundle(path, MANIFEST_FILE);
  if (sums === undefined) throw notABundle(path, SUMS_FILE);
  return { manifest, sums, script: found.get(SCRIPT_FILE) };
}

/** Whether something was read, and an archive is not what it was. */
function isAboutContent(error: unknown): error is KbuildError {
  return error instanceof KbuildError && systemCode(error.cause) === undefined;
}

function notABundle(path: string, name: string): KbuildError {
  return new KbuildError(`Cannot verify "${path}": it has no "${name}" where a bundle has one`, {
    notes: [OTHER_COMMANDS],
  });
}

const OTHER_COMMANDS = "kbuild bundle makes bundles; kbuild verify-release checks releases";

/** Members of an archive, paths below the bundle's directory; members outside of it are problems. */
function itemsOf({ form }: Content, root: string, problems: string[]): readonly Item[] {
  const inner = form.kind === "gzip" ? form.inner.form : form;
  if (inner.kind === "damaged") problems.push(`the archive is damaged: ${inner.reason}`);
  if (inner.kind !== "tar") return [];
  return inner.members.flatMap(({ name, type, mode, content }): readonly Item[] => {
    const plain = type === "directory" ? name.replace(/\/$/, "") : name;
    if (plain !== root && !plain.startsWith(`${root}/`)) {
      problems.push(`${quoteName(name)} is outside of "${root}"`);
      return [];
    }
    const path = plain.slice(root.length + 1);
    if (type === "directory") return [{ path, type, mode, content: undefined }];
    return [{ path, type: type === "file" ? type : "other", mode, content }];
  });
}

async function itemsIn(
  directory: string,
  signal: AbortSignal | undefined,
  below = "",
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (const { name, isFile, isDirectory } of await entriesOf(join(directory, below)) ?? []) {
    const path = below === "" ? name : `${below}/${name}`;
    if (items.length > MAX_MEMBERS) break;
    const { mode } = await Deno.lstat(join(directory, path));
    const type = isFile ? "file" : isDirectory ? "directory" : "other";
    const content = isFile ? await scanFile(join(directory, path), { signal }) : undefined;
    items.push({ path, type, mode: unpackedMode(path, type, mode), content });
    if (isDirectory) items.push(...await itemsIn(directory, signal, path));
  }
  return items;
}

/** The mode in the archive of what is unpacked: a umask takes bits away, a directory above may give its group. */
function unpackedMode(path: string, type: Item["type"], mode: number | null): number {
  const bits = (mode ?? 0) & (type === "directory" ? 0o5777 : 0o7777);
  return bits | (modeOf(path, type) & 0o077);
}

/** The mode that something has in every bundle. */
function modeOf(path: string, type: Item["type"]): number {
  return type === "directory" || path === SCRIPT_FILE || path.startsWith("bin/") ? 0o755 : 0o644;
}

/** Holds what is there against the lists. */
function checkList(
  { files }: BundleManifest,
  items: readonly Item[],
  lists: Lists,
): readonly string[] {
  const problems: string[] = [];
  const listed = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const directories = new Set(files.flatMap(({ path }) => ["", ...parentsOf(path)]));
  let own: string | undefined;
  for (const { path, type, mode, content } of items) {
    const name = path === "" ? "its directory" : quoteName(path);
    if (seen.has(path)) problems.push(`${name} is there twice`);
    seen.add(path);
    if (type === "directory" ? !directories.has(path) : type === "other") {
      const isListed = type === "other" || listed.has(path) || path === MANIFEST_FILE ||
        path === SUMS_FILE;
      problems.push(
        isListed ? `${name} is not a file` : `directory ${name} has nothing that is listed`,
      );
      continue;
    }
    const wanted = modeOf(path, type);
    if (mode !== wanted) {
      problems.push(`${name} has mode ${mode.toString(8)}, want ${wanted.toString(8)}`);
    }
    if (content === undefined) continue;
    if (path === MANIFEST_FILE) own = content.sha256;
    if (path === MANIFEST_FILE || path === SUMS_FILE) continue;
    const file = listed.get(path);
    if (file === undefined) problems.push(`${quoteName(path)} is not listed`);
    else if (file.size !== content.size) {
      problems.push(`"${path}" has ${content.size} bytes, want ${file.size}`);
    } else if (file.sha256 !== content.sha256) {
      problems.push(`"${path}" has digest sha256:${content.sha256}, want sha256:${file.sha256}`);
    }
  }
  for (const { path } of files) if (!seen.has(path)) problems.push(`"${path}" is missing`);
  const sums = own === undefined
    ? undefined
    : sumsText([{ path: MANIFEST_FILE, sha256: own }, ...files]);
  if (sums !== lists.sums) {
    problems.push(`"${SUMS_FILE}" does not list what "${MANIFEST_FILE}" lists`);
  }
  return problems;
}

/** Each part must be there, or be named as left out; each file must belong to a part. */
function checkParts({ version, files, leftOut, images }: BundleManifest): readonly string[] {
  const problems: string[] = [];
  const known = new Set([SCRIPT_FILE]);
  const [, minor] = parseKubernetesVersion(version);
  for (const part of partsOf(minor)) {
    const paths = files.map(({ path }) => path).filter((path) => belongsTo(path, part));
    for (const path of paths) known.add(path);
    const isLeft = leftOut.includes(part.name);
    if (paths.length === 0 && !isLeft) {
      problems.push(`"${part.name}" is neither there nor named as left out`);
    }
    if (paths.length > 0 && isLeft) {
      problems.push(`"${part.name}" is named as left out, and is there`);
    }
    if (part.kind !== "image" || paths.length === 0) continue;
    const named = images.filter(({ name, path }) => name === part.name && path === paths[0]);
    if (named.length !== 1) problems.push(`image "${part.name}" is not described once`);
  }
  for (const { path } of files) if (!known.has(path)) problems.push(`"${path}" belongs to no part`);
  for (const { path } of images) {
    if (!known.has(path)) problems.push(`image "${path}" is described and not there`);
  }
  return problems;
}

function belongsTo(path: string, { name, kind }: BundlePart): boolean {
  switch (kind) {
    case "package":
      return path.startsWith(`packages/${name}/`) && path.endsWith(`.${name}`);
    case "archive":
      return path.startsWith(
        `${DIRECTORIES[kind]}/${name === "cri-tools" ? "crictl-" : "cni-plugins-"}`,
      );
    case "sbom":
      return path.startsWith(`${DIRECTORIES[kind]}/`);
    case "image":
      return path === `${DIRECTORIES[kind]}/${name}.tar`;
    case "program":
      return path === `${DIRECTORIES[kind]}/${name}`;
  }
}

/** What is wrong in a file: archives to their ends, platform and version of programs, images. */
function checkContent(
  { path, content }: Item,
  { platform, version, images }: BundleManifest,
): readonly string[] {
  if (content === undefined || path === MANIFEST_FILE || path === SUMS_FILE) return [];
  const image = images.find((each) => each.path === path);
  const isReleased = BUNDLE_PARTS.some((part) =>
    part.isReleased === true && part.name === image?.name
  );
  const isOurs = path.startsWith("bin/") || isReleased;
  const checked = checkArtifact(path, content, {
    platform,
    // Others may link packages of Kubernetes in versions of their own.
    version: isOurs ? version : undefined,
  });
  const problems = checked.problems.map(({ path: place, text }) =>
    `"${[path, ...place].join('": "')}" ${text}`
  );
  if (path.startsWith(`${DIRECTORIES["archive"]}/`)) {
    problems.push(
      ...publishedProgramFaults(content, platform).map((fault) => `"${path}": ${fault}`),
    );
  }
  if (isReleased && !hasProgramOf(content, version)) {
    problems.push(`"${path}" has no program that is stamped with version ${version}`);
  }
  if (image !== undefined) {
    const names = checked.images.flatMap(({ repoTags }) => repoTags);
    problems.push(...checkImage(image, checked.images), ...checkIndex(image, content, names));
  }
  return problems;
}

/** Whether a program of the version is somewhere in it. */
function hasProgramOf({ form }: Content, version: string): boolean {
  switch (form.kind) {
    case "program":
      return form.program.versions.includes(version);
    case "gzip":
      return hasProgramOf(form.inner, version);
    case "tar":
      return form.members.some(({ content }) =>
        content !== undefined && hasProgramOf(content, version)
      );
    default:
      return false;
  }
}

/**
 * containerd reads the index, docker the list of images: both must lead to one image, under the same names.
 *
 * @param names Those that docker reads.
 */
function checkIndex(
  { path, manifest, imageId }: BundledImage,
  { form }: Content,
  names: readonly string[],
): readonly string[] {
  const members = form.kind === "tar" ? form.members : [];
  const documentOf = (name: string) => {
    const bytes = members.find((member) => member.name === name)?.content?.document;
    return bytes === undefined ? undefined : objectIn(new TextDecoder().decode(bytes));
  };
  const manifests: unknown = documentOf("index.json")?.["manifests"];
  const digests = Array.isArray(manifests) ? manifests.map((each) => each?.digest) : [];
  const problems: string[] = [];
  // Of two documents with one name, each reader may take another.
  const paths = new Set(members.map(({ name }) => cleanName(name)));
  if (paths.size !== members.length) problems.push(`"${path}" has a member twice`);
  if (digests.length === 0 || !digests.every((digest) => digest === manifest)) {
    problems.push(`"${path}" has an index of other images`);
  }
  const annotated = (name: string) =>
    (Array.isArray(manifests) ? manifests : []).map((each) => String(each?.annotations?.[name]));
  for (
    const [name, wanted] of [
      [CONTAINERD_ANNOTATION, names.map(fullName)],
      [NAME_ANNOTATION, names],
    ] as const
  ) {
    const found = annotated(name);
    if (found.toSorted().join(" ") === wanted.toSorted().join(" ")) continue;
    problems.push(
      `"${path}" has the names ${found.map(quoteName).join(", ") || "(none)"} in its index as ` +
        `${name}, want ${wanted.map(quoteName).join(", ")}`,
    );
  }
  const config = documentOf(`blobs/sha256/${manifest.slice("sha256:".length)}`)?.["config"];
  const isSame = typeof config === "object" && config !== null && "digest" in config &&
    config.digest === imageId;
  return isSame ? problems : [...problems, `manifest ${manifest} of "${path}" is of another image`];
}

/** As containerd wants it; what is not a name stays as it is, and is reported. */
function fullName(name: string): string {
  try {
    return parseRepoTag(name).full;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return name;
  }
}

function checkImage(
  { path, reference, imageId }: BundledImage,
  found: readonly { readonly repoTags: readonly string[]; readonly id: string }[],
): readonly string[] {
  const [image] = found;
  if (found.length !== 1 || image === undefined) return [`"${path}" has ${found.length} images`];
  const problems: string[] = [];
  if (!image.repoTags.includes(reference)) problems.push(`"${path}" is not "${reference}"`);
  const others = image.repoTags.filter((tag) => nameOf(tag) !== nameOf(reference));
  for (const tag of others) problems.push(`"${path}" also takes the name "${tag}"`);
  if (`sha256:${image.id}` !== imageId) {
    problems.push(`"${path}" has image sha256:${image.id}, want ${imageId}`);
  }
  return problems;
}

/** `registry.k8s.io/kube-proxy-amd64:v1` → `kube-proxy`: an archive takes no names of other images. */
function nameOf(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1).replace(/:.*$/, "");
  return last.replace(/-(386|amd64|arm|arm64|loong64|ppc64le|riscv64|s390x)$/, "");
}

/**
 * The script runs as root, and is the same in all bundles of a kbuild.
 *
 * @param isOther Whether another kbuild made the bundle, as somebody who is trusted says.
 */
function checkScript(
  script: string | undefined,
  isOther: boolean,
): { readonly problems: readonly string[]; readonly notes: readonly string[] } {
  if (script === INSTALL_SCRIPT) return { problems: [], notes: [] };
  if (script === undefined) return { problems: [`"${SCRIPT_FILE}" is missing`], notes: [] };
  return isOther ? { problems: [], notes: [`"${SCRIPT_FILE}" is the one of another kbuild`] } : {
    problems: [
      `"${SCRIPT_FILE}" is not the one that this kbuild writes; with --digest, another kbuild's is taken`,
    ],
    notes: [],
  };
}
