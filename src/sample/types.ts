/** Which Kubernetes a sample looks like. */
export type EraParameter = "1.7" | "1.20" | "1.28" | "1.35" | "latest";

/** A regular file: its text and git mode. */
export interface SampleTextFile {
  /** The whole content. */
  readonly text: string;
  /** Permission bits. */
  readonly mode: 0o644 | 0o755;
}

/** A symbolic link: what it points to, relative to its own directory. */
export interface SampleLink {
  /** What the link says. */
  readonly link: string;
}

/** One entry of a sample checkout. */
export type SampleFile = SampleTextFile | SampleLink;

/** All entries of a checkout: path with `/` from the root, sorted bytewise, to entry. */
export type SampleFiles = ReadonlyMap<string, SampleFile>;

/** One commit of a sample's history, oldest first; each holds its whole tree. */
export interface SampleCommit {
  /** Hash of the commit. */
  readonly message: string;
  /** Author and committer time: seconds since 1970, UTC. */
  readonly time: number;
  /** The annotated tag on this commit, if any: `v1.20.1`. */
  readonly tag?: string;
  /** Every entry of its tree. */
  readonly files: SampleFiles;
}

/** The checkout that `createSample` made. */
export interface SampleInfo {
  /** The directory, as it was given. */
  readonly dir: string;
  /** The shape that it has. */
  readonly era: EraParameter;
  /** What `git describe` says of HEAD: `v1.20.2`. */
  readonly version: string;
  /** Commit id of HEAD, 40 hexadecimal digits; the same on every machine. */
  readonly commit: string;
  /** Commit time of HEAD: seconds since 1970. */
  readonly commitTime: number;
  /** The branch that is checked out: `release-1.20`. */
  readonly branch: string;
  /** All tags, oldest first. */
  readonly tags: readonly string[];
  /** How many files and links HEAD holds. */
  readonly files: number;
}
