import type { Candidate, DigestFrom, FileDigest } from "../net/mod.ts";

/** Where releases are published. */
export interface ReleaseSite {
  /** Directory of `v1.30.2/` and `stable.txt`, without a slash at its end. */
  readonly releases: string;
  /** The same of builds of CI. */
  readonly ci: string;
  /** Whether a variable names it, instead of Kubernetes' own site. */
  readonly isGiven: boolean;
}

/** What is asked for: a version, or a file that names one. */
export type RequestedVersion =
  & (
    | { readonly kind: "version"; readonly version: string }
    /** `release/stable-1.30`, `ci/latest`. */
    | { readonly kind: "marker"; readonly marker: string }
  )
  & {
    /** Whether it is one of CI's fast builds (`quick-release`), which are in a directory of their own. */
    readonly isFast?: true;
  };

/** A file of a release, as it is published and as it is placed. */
export interface ReleaseFile {
  /** Name below the directory of the version: `bin/linux/amd64/kubectl`. */
  readonly name: string;
  /** Where it goes, below the directory that is downloaded into: `release-tars/kubernetes.tar.gz`. */
  readonly place: string;
  /** Whether it is made executable. */
  readonly isProgram: boolean;
}

/** A digest, and who says so. */
export interface KnownDigest extends FileDigest {
  /** Who says so. */
  readonly digestFrom: DigestFrom;
  /** The URL or the file that has it. */
  readonly source: string;
}

/** A file that is to be downloaded. */
export interface PlannedDownload {
  /** As in {@linkcode ReleaseFile}. */
  readonly name: string;
  /** Where it is published. */
  readonly url: string;
  /** Where it may come from, mirrors applied. */
  readonly candidates: readonly Candidate[];
  /** Absolute path that it gets. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** What it must be. */
  readonly digest: KnownDigest;
  /** Whether its signature is checked when it has come. */
  readonly isSignatureChecked: boolean;
}

/** What is to be downloaded. */
export interface DownloadPlan {
  /** `v1.30.2`. */
  readonly version: string;
  /** The marker that named the version: `release/stable`. */
  readonly marker: string | undefined;
  /** Absolute. */
  readonly directory: string;
  /** The files. */
  readonly files: readonly PlannedDownload[];
  /** Tarballs that were asked for by name and are not published. */
  readonly missing: readonly string[];
  /** How signatures are checked, or why they are not. */
  readonly signatures: SignaturePlan;
  /** What a user may not expect, a sentence each. */
  readonly notes: readonly string[];
}

/** Whether signatures are checked: if cosign is there, always, or never. */
export type SignatureMode = "auto" | "require" | "none";

/** How signatures are checked. */
export type SignaturePlan =
  | {
    /** By the user's cosign. */
    readonly by: "cosign";
    /** Path of the program. */
    readonly program: string;
    /** Whether a file without a signature is an error. */
    readonly isRequired: boolean;
  }
  | {
    readonly by: "nobody";
    /** Why, as the end of "Signatures were not checked: …". */
    readonly why: string;
  };
