import { type ArchivedImage, indexProblems, readArchivedImages } from "./image_archive.ts";
import { memberHazards } from "./member_hazards.ts";
import { isProgramPath, isStampedProgram, programFaults } from "./program_fault.ts";
import type { Content, Finding, Member } from "./types.ts";

/** What an artifact is held against; what is undefined is not looked at. */
export interface Expectation {
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string | undefined;
  /** As stamped: `v1.20.2`. */
  readonly version: string | undefined;
}

/** What was found in an artifact. */
export interface CheckedArtifact {
  /** What is wrong. */
  readonly problems: readonly Finding[];
  /** Members of the archive itself; 0 for other files. */
  readonly members: number;
  /** Programs of Kubernetes in it, wherever; those in images count, too. */
  readonly programs: number;
  /** Images of the archive itself. */
  readonly images: readonly ArchivedImage[];
  /** What a file `version` in it says: `kubernetes/version` of tarballs. */
  readonly version: string | undefined;
}

const SYSTEMS = "linux|darwin|windows|freebsd|netbsd|openbsd|solaris";
/**
 * hack/lib/golang.sh names output directories so; build/lib/release.sh tarballs and directories of
 * images.
 */
const PLATFORMS: readonly RegExp[] = [
  new RegExp(`kubernetes-[a-z]+-(${SYSTEMS})-([a-z0-9]+)\\.tar\\.gz$`),
  new RegExp(`(?:^|/)(${SYSTEMS})/([a-z0-9]+)/(?:[^/]+/)*[^/]+$`),
];
/**
 * The source as it is in git: what it holds (test data: programs, broken archives) does not concern a
 * check of the release.
 */
const SOURCE = /(^|\/)kubernetes-src\.tar\.gz$/;

/** Tarballs of a release, whose members are all below one directory. */
const RELEASE_TARBALL = /(^|\/)kubernetes(-[a-z0-9-]+)?\.tar\.gz$/;
const TREE = "kubernetes";

/** The platform that a path promises; undefined where it promises none. */
export function platformOfPath(path: string): string | undefined {
  for (const pattern of PLATFORMS) {
    const [, system, arch] = pattern.exec(path) ?? [];
    if (system !== undefined) return `${system}/${arch}`;
  }
  const arch = /(?:^|\/)release-images\/([a-z0-9]+)\/[^/]+$/.exec(path)?.[1];
  return arch === undefined ? undefined : `linux/${arch}`;
}

/**
 * What is wrong with an artifact that was read. Pure.
 *
 * Archives must be whole, those inside as well, and hold nothing that whoever unpacks them should not meet; what is
 * in a directory of programs must be one, whole and for the platform that its path or the artifact promises; what
 * links Kubernetes' version package must be stamped with the version; images must have the program that they are named
 * after, hang together and be for that platform, and go by the tag of the
 * `.docker_tag` beside them. In images only programs of Kubernetes are looked at: the rest is the
 * base's.
 *
 * @param name Name of the artifact: an archive must be what its name says.
 */
export function checkArtifact(
  name: string,
  content: Content,
  expected: Expectation,
): CheckedArtifact {
  const check = new Check(expected);
  if (content.size === 0) check.complain([], "is empty");
  else if (/\.(tar\.gz|tgz)$/.test(name) && !isArchive(content, "gzip")) {
    check.complain([], "is not a gzip-compressed tar archive");
  } else if (/\.tar$/.test(name) && !isArchive(content, "tar")) {
    check.complain([], "is not a tar archive");
  }
  check.visit(name, content, [], {
    isProgram: isProgramPath(name) || isStampedProgram(baseOf(name)),
    platform: platformOfPath(name) ?? expected.platform,
  });
  return check.result(content);
}

/** Whether content is a tar, or damaged: that has words of its own. */
function isArchive({ form }: Content, kind: "gzip" | "tar"): boolean {
  if (form.kind === "damaged") return true;
  if (kind === "gzip") return form.kind === "gzip" && isArchive(form.inner, "tar");
  return form.kind === "tar";
}

interface MemberContext {
  readonly platform: string | undefined;
  /** What the file beside an image archive says: its tag. */
  readonly tag?: string | undefined;
  readonly image?: boolean;
  /** Whether it has to be a program, as its path says. */
  readonly isProgram?: boolean;
}

class Check {
  readonly #expected: Expectation;
  readonly #problems: Finding[] = [];
  readonly #images: ArchivedImage[] = [];
  #programs = 0;
  #version: string | undefined;

  constructor(expected: Expectation) {
    this.#expected = expected;
  }

  complain(path: readonly string[], text: string): void {
    this.#problems.push(Object.freeze({ path, text }));
  }

  visit(
    name: string,
    content: Content,
    path: readonly string[],
    context: MemberContext,
  ): void {
    const { form } = content;
    if (form.kind === "damaged") this.complain(path, `is damaged: ${form.reason}`);
    else if (form.kind === "program" || context.isProgram === true) {
      this.#visitProgram(name, content, path, context);
    } else if (form.kind === "data" && form.brokenProgram && context.image !== true) {
      this.complain(path, "begins like a program, and its headers cannot be read");
    } else if (form.kind === "gzip") this.visit(name, form.inner, path, context);
    else if (form.kind === "tar") this.#visitMembers(name, form.members, path, context);
  }

  result(content: Content): CheckedArtifact {
    const tar = content.form.kind === "gzip" ? content.form.inner.form : content.form;
    return Object.freeze({
      problems: Object.freeze(this.#problems),
      members: tar.kind === "tar" ? tar.members.length : 0,
      programs: this.#programs,
      images: Object.freeze(this.#images),
      version: this.#version,
    });
  }

  #visitProgram(
    name: string,
    content: Content,
    path: readonly string[],
    context: MemberContext,
  ): void {
    const { form } = content;
    const isStamped = context.isProgram === true && isStampedProgram(baseOf(name));
    const isOurs = isStamped || (form.kind === "program" && form.program.linksVersion);
    if (context.image === true && !isOurs) return;
    if (form.kind === "program") this.#programs += 1;
    const { platform } = context;
    const { version } = this.#expected;
    const isAnyKind = context.isProgram !== true;
    for (const text of programFaults(content, { platform, version, isStamped, isAnyKind })) {
      this.complain(path, text);
    }
  }

  #visitMembers(
    archive: string,
    members: readonly Member[],
    path: readonly string[],
    context: MemberContext,
  ): void {
    const isSource = SOURCE.test(archive);
    const archived = isSource ? undefined : readArchivedImages(members);
    const isImages = archived !== undefined;
    if (context.image !== true) {
      const tree = RELEASE_TARBALL.test(archive) && !isSource ? TREE : undefined;
      for (const hazard of memberHazards(members, { tree, isImages })) {
        this.complain([...path, ...hazard.path], hazard.text);
      }
    }
    if (isSource) return;
    const documents = new Map(members.map(({ name, content }) => [name, textOf(content)]));
    if (archived !== undefined) {
      for (const problem of archived.problems) {
        this.complain([...path, ...problem.path], problem.text);
      }
      for (const image of archived.images) this.#visitImage(image, path, context);
      this.#visitProgramOfImage(archive, members, path);
    } else if (context.image !== true && members.some(({ name }) => isManifest(name))) {
      this.complain([...path, "manifest.json"], "is not the manifest of an image archive");
    } else if (context.image !== true) {
      for (const problem of indexProblems(members)) {
        this.complain([...path, ...problem.path], problem.text);
      }
    }
    for (const { name, content } of members) {
      // Layers begin at the root of a file system.
      if (context.image === true && name.split("/").includes("..")) {
        this.complain([...path, name], "is outside of the archive's tree");
      }
      if (path.length === 0 && /^(\.\/)?kubernetes\/version$/.test(name)) {
        this.#version = textOf(content);
      }
      if (content === undefined) continue;
      this.visit(name, content, [...path, name], {
        platform: platformOfPath(name) ?? context.platform,
        tag: documents.get(name.replace(/\.tar$/, ".docker_tag")),
        image: context.image === true || isImages,
        isProgram: isProgramPath(name) &&
          (context.image !== true || isStampedProgram(baseOf(name))),
      });
    }
  }

  /** `kube-proxy.tar` must have a file `kube-proxy` in its layers; whether it is a program is looked at with the others. */
  #visitProgramOfImage(
    archive: string,
    members: readonly Member[],
    path: readonly string[],
  ): void {
    const program = baseOf(archive).replace(/\.tar$/, "");
    if (!isStampedProgram(program)) return;
    const isThere = members.some(({ content }) =>
      filesIn(content).some((name) => baseOf(name) === program)
    );
    if (!isThere) this.complain(path, `has no program "${program}"`);
  }

  /** The first name has the release's version for a tag; others are the user's own. */
  #checkTag(name: string, tag: string, path: readonly string[]): void {
    const wanted = this.#expected.version?.replaceAll("+", "_");
    if (wanted === undefined || !VERSION_TAG.test(tag) || tag === wanted) return;
    this.complain(path, `is image "${name}", want tag ${wanted}`);
  }

  #visitImage(image: ArchivedImage, path: readonly string[], context: MemberContext): void {
    this.#images.push(image);
    const { os, architecture } = image.config;
    const platform = `${os}/${architecture}`;
    if (context.platform !== undefined && platform !== context.platform) {
      this.complain(path, `is an image for ${platform}, want ${context.platform}`);
    }
    if (image.repoTags.length === 0) this.complain(path, "is an image without a name");
    for (const name of image.repoTags) {
      const tag = name.slice(name.lastIndexOf(":") + 1);
      if (context.tag !== undefined && tag !== context.tag) {
        this.complain(
          path,
          `is image "${name}", the file .docker_tag beside it says ${context.tag}`,
        );
      } else if (name === image.repoTags[0]) this.#checkTag(name, tag, path);
    }
  }
}

function isManifest(name: string): boolean {
  return /^(\.\/)?manifest\.json$/.test(name);
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Names of files in a layer. */
function filesIn(content: Content | undefined): readonly string[] {
  const form = content?.form.kind === "gzip" ? content.form.inner.form : content?.form;
  if (form?.kind !== "tar") return [];
  return form.members.filter(({ type }) => type === "file").map(({ name }) => name);
}

/** A tag that is a version; 1.6 has digests for tags. */
const VERSION_TAG = /^v\d+\.\d+\.\d+/;

function textOf(content: Content | undefined): string | undefined {
  const { document } = content ?? {};
  return document === undefined ? undefined : new TextDecoder().decode(document).trim();
}
