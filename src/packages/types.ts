import type { TarContent } from "../archive/mod.ts";

/** The formats that packages come in. */
export const PACKAGE_FORMATS = ["deb", "rpm"] as const;

/** A format of packages. */
export type PackageFormat = typeof PACKAGE_FORMATS[number];

/** The packages of a Kubernetes release, as its own repositories name them. */
export const PACKAGE_NAMES = [
  "kubelet",
  "kubeadm",
  "kubectl",
  "kubernetes-cni",
  "cri-tools",
] as const;

/** A package of a Kubernetes release. */
export type PackageName = typeof PACKAGE_NAMES[number];

/** A package whose program a checkout builds. */
export type BuiltPackageName = "kubelet" | "kubeadm" | "kubectl";

/** A package whose programs come from elsewhere, in a published tarball. */
export type TarballPackageName = Exclude<PackageName, BuiltPackageName>;

/** What one package needs of another, or of a package of the distribution. */
export interface Relation {
  /** The name in the format at hand: `iproute2` in a deb, `iproute` in an rpm. */
  readonly name: string;
  /** The lowest version that is taken; any, if undefined. */
  readonly minimum?: string;
}

/** A file that a package contains, before its content is looked at. */
export interface DescribedFile {
  /** Absolute path on the machine that the package is installed on. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** A program by its name, or a text; a directory has neither. */
  readonly source?:
    | { readonly program: string }
    | { readonly text: string; readonly gzip?: boolean };
  /** Whether changes of the administrator survive an upgrade. */
  readonly config?: boolean;
  /** Whether it explains the package (`doc`) or is its licence (`license`). */
  readonly kind?: "doc" | "license";
}

/** Scripts that run while a package is installed or removed: names as the format has them. */
export type PackageScripts = Readonly<Record<string, string>>;

/** One package in one format, as data: all but the contents of its programs. */
export interface PackageDescription {
  /** Which package it is. */
  readonly name: PackageName;
  /** The format that names, paths and scripts are for. */
  readonly format: PackageFormat;
  /** Version without the revision: `1.20.0~rc.0`. */
  readonly version: string;
  /** Revision of the package: `00`, `1.1`. */
  readonly revision: string;
  /** Architecture in the format's spelling: `ppc64el`. */
  readonly arch: string;
  /** One line, no final full stop. */
  readonly summary: string;
  /** A sentence or two. */
  readonly description: string;
  /** Section of a deb, group of an rpm. */
  readonly section: string;
  /** `Name <address>`. */
  readonly maintainer: string;
  /** Address of the project. */
  readonly homepage: string;
  /** What must be installed as well. */
  readonly depends: readonly Relation[];
  /** Files, and directories that belong to the package. */
  readonly files: readonly DescribedFile[];
  /** What runs while it is installed or removed. */
  readonly scripts: PackageScripts;
  /** Time of every file, in seconds since 1970. */
  readonly epoch: number;
}

/** A file of a package with its content. */
export interface PackageFile extends Omit<DescribedFile, "source"> {
  /** Whether it is a file or a directory. */
  readonly type: "file" | "directory";
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Where the bytes are; undefined for a directory. */
  readonly content?: TarContent;
}

/** A package that can be written. */
export interface Package extends Omit<PackageDescription, "files"> {
  /** Files, and directories that belong to the package, in the order of their paths. */
  readonly files: readonly PackageFile[];
}
