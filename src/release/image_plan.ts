import { copiesOf, type DockerfilePlan } from "../dockerfile/mod.ts";
import type { DirectoryImage } from "./layout.ts";

/** One image archive: its names, its base, its contents. */
export interface ImagePlan {
  /** `kube-apiserver`, `conformance`. */
  readonly name: string;
  /** GOARCH value: `amd64`. */
  readonly arch: string;
  /** Where the archive goes, below `release-images`: `amd64/kube-apiserver.tar`. */
  readonly path: string;
  /** Image reference of the base, as upstream writes it. */
  readonly base: string;
  /** Names in the archive, in order: an interface of krel. */
  readonly repoTags: readonly string[];
  /** Program whose MD5 takes the place of `MD5_TAG` in `repoTags` when it is built (1.6). */
  readonly md5Of?: string;
  /** What its Dockerfile does. */
  readonly dockerfile: DockerfilePlan;
  /** What the plan was made from, to make it again when the base's own settings are known. */
  readonly source: DockerfileSource;
  /** Name in the build context -> path of the file or directory. */
  readonly context: Readonly<Record<string, string>>;
}

/** A Dockerfile and what it is built with. */
export interface DockerfileSource {
  /** The Dockerfile itself. */
  readonly text: string;
  /** For messages: `build/server-image/Dockerfile`. */
  readonly path: string;
  /** Build arguments. */
  readonly args: Readonly<Record<string, string>>;
}

/** What images depend on. */
export interface ImageInputs {
  /** The version of the release: `v1.20.2`. */
  readonly version: string;
  /** GOARCH value: `amd64`. */
  readonly arch: string;
  /** Server images to make. */
  readonly names: readonly string[];
  /** Directory of the binaries. */
  readonly binPath: string;
  /** Images with directories of their own to make: `conformance`, `hyperkube`. */
  readonly directoryImages: readonly DirectoryImage[];
}

/** Names at the root of the build context that a Dockerfile copies; all of it names none. */
export function contextNames(dockerfile: DockerfilePlan): readonly string[] {
  const sources = copiesOf(dockerfile).filter(({ from, source }) =>
    from === undefined && source !== "."
  );
  return [...new Set(sources.map(({ source }) => source.split("/", 1)[0]!))];
}
