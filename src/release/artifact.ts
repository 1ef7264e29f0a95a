import { join } from "@std/path";
import { writeFileAtomic } from "../files/mod.ts";
import type { DigestFrom } from "../net/mod.ts";

/** A base image. */
export interface BaseOfImage {
  /** As upstream names it. */
  readonly name: string;
  /** Digest of its configuration: `sha256:…`. */
  readonly imageId: string;
  /** What the name stood for in its registry: `sha256:…` of an index or a manifest. */
  readonly digest?: string;
  /** Who says so: the registry itself ("origin"), a lock, or only the mirror that it came from. */
  readonly digestFrom?: DigestFrom;
  /** The manifest for the image's architecture there: `sha256:…`. */
  readonly manifest?: string;
}

/** One file of a finished release. */
export interface Artifact {
  /** Tarballs are in `release-tars`, images in `release-images`. */
  readonly kind: "tarball" | "image";
  /** Path below the checkout: `_output/release-tars/kubernetes.tar.gz`. */
  readonly path: string;
  /** What its programs run on: `linux/amd64`; null where that does not matter. */
  readonly platform: string | null;
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Hexadecimal; tarballs only. */
  readonly sha512?: string;
  /** Of the tar inside a `.tar.gz`; of an image its id (digest of the configuration). */
  readonly contentDigest: string;
  /** Names with tags of an image, in their order. */
  readonly repoTags?: readonly string[];
  /** The base of an image; missing for `scratch`. */
  readonly base?: BaseOfImage;
  /** Wall time in milliseconds that this file took; 0 when it was reused. */
  readonly durationMs: number;
  /** Whether the file of an earlier run was taken, because nothing that it is made of changed. */
  readonly reused: boolean;
}

/** Where what is stamped and packed is from. */
export interface Provenance {
  /** Of the version: "git", "KUBE_GIT_VERSION", "git archive". */
  readonly version: string;
  /** Of the time: "commit", "SOURCE_DATE_EPOCH", "HEAD". */
  readonly time: string;
  /** What is stamped, packed or left out otherwise than a user may expect, one sentence each. */
  readonly notes: readonly string[];
}

/** Name of the list of all artifacts, in `release-tars`. */
export const ARTIFACTS_FILE = "artifacts.json";

const ALGORITHMS = ["sha256", "sha512"] as const;

const sumsFile = (algorithm: string) => `${algorithm.toUpperCase()}SUMS`;

/** Names of the files that {@linkcode writeChecksums} writes for tarballs of these names. */
export function checksumFiles(tarballs: readonly string[]): readonly string[] {
  const own = ALGORITHMS.flatMap((algorithm) => [
    sumsFile(algorithm),
    ...tarballs.map((name) => `${name}.${algorithm}`),
  ]);
  return [...own, ARTIFACTS_FILE];
}

/**
 * Writes the checksums of tarballs into their directory: `SHA256SUMS` and `SHA512SUMS` as `sha256sum -c`
 * reads them, per tarball `<name>.sha256` and `<name>.sha512` as krel publishes them (the digest and
 * nothing else; kubernetes/release pkg/release/release.go), and {@linkcode ARTIFACTS_FILE}.
 *
 * @param directory `release-tars`.
 * @param artifacts With paths below the output root, which is what the list has.
 */
export async function writeChecksums(
  directory: string,
  artifacts: readonly Artifact[],
  about: { version: string; epoch: number; provenance?: Provenance | undefined },
): Promise<void> {
  const tarballs = artifacts.filter(({ kind }) => kind === "tarball")
    .map((artifact) => ({ ...artifact, name: artifact.path.slice("release-tars/".length) }));
  const write = (name: string, text: string) => writeFileAtomic(join(directory, name), text);
  for (const algorithm of ALGORITHMS) {
    const lines = tarballs.map((tarball) => ({ name: tarball.name, digest: tarball[algorithm]! }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
    const sums = lines.map(({ name, digest }) => `${digest}  ${name}\n`);
    await write(sumsFile(algorithm), sums.join(""));
    for (const { name, digest } of lines) await write(`${name}.${algorithm}`, digest);
  }
  const { version, epoch, provenance } = about;
  const list = {
    ...{ version, versionFrom: provenance?.version, epoch, epochFrom: provenance?.time },
    notes: provenance?.notes,
    artifacts: artifacts.map(describe),
  };
  await write(ARTIFACTS_FILE, `${JSON.stringify(list, null, 2)}\n`);
}

function describe(artifact: Artifact): Record<string, unknown> {
  const { path, kind, platform, size, sha256, sha512, contentDigest, base, repoTags } = artifact;
  return kind === "tarball"
    ? { path, kind, platform, size, sha256, sha512, tarSha256: contentDigest }
    : { path, kind, platform, size, sha256, imageId: `sha256:${contentDigest}`, repoTags, base };
}
