import type { TarFields, TarMemberType } from "../archive/mod.ts";

/** Bytes that were read to their end, and what was found in them. */
export interface Content {
  /** Place in the artifact: numbers of members, outermost first, and "z" for what was compressed. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Digest, hexadecimal. */
  readonly sha256: string;
  /** CRC-32 of every 64 KiB, so that the first difference of two contents can be found again. */
  readonly blocks: Uint32Array;
  /** What it is. */
  readonly form: Form;
  /** The bytes themselves, of the few small documents that are needed later. */
  readonly document?: Uint8Array;
  /** One block of the bytes, where {@linkcode ScanOptions.hunks} asked for it. */
  readonly hunk?: Hunk;
}

/** Bytes from the middle of a content. */
export interface Hunk {
  /** Where they start. */
  readonly offset: number;
  /** The bytes themselves. */
  readonly bytes: Uint8Array;
}

/** Something that was found out about an artifact. */
export interface Finding {
  /** Where: names of members, outermost first; empty for the artifact itself. */
  readonly path: readonly string[];
  /** In words. */
  readonly text: string;
  /** Set when members and contents are the same, and only the bytes around them are others. */
  readonly minor?: true;
  /** Where the bytes of two contents part; undefined where that is not what was found. */
  readonly difference?: FirstDifference;
}

/** The block in which two contents part, for a second look: {@linkcode ScanOptions.hunks}. */
export interface FirstDifference {
  /** Key of the content in A: {@linkcode Content.key}. */
  readonly a: string;
  /** The same in B. */
  readonly b: string;
  /** Number of the first block of 64 KiB that differs. */
  readonly block: number;
}

/** What bytes are. */
export type Form =
  | {
    readonly kind: "data";
    readonly text: boolean;
    /** Set where the first bytes are a program's and the headers cannot be read. */
    readonly brokenProgram?: true;
  }
  | { readonly kind: "program"; readonly program: Program }
  | { readonly kind: "gzip"; readonly inner: Content }
  | { readonly kind: "tar"; readonly members: readonly Member[] }
  | { readonly kind: "damaged"; readonly what: "gzip" | "tar"; readonly reason: string };

/** A member of an archive. */
export interface Member extends TarFields {
  /** What it is. */
  readonly type: TarMemberType;
  /** Place in the archive, from 0. */
  readonly ordinal: number;
  /** What a file holds. */
  readonly content?: Content;
}

/** An executable file and what Go wrote into it. */
export interface Program {
  /** Format of the file: ELF, Mach-O or PE. */
  readonly format: string;
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string;
  /** Bytes that its headers speak of: a smaller file is cut off. */
  readonly extent: number;
  /** Whether a system can start it: not an object file, a library of Windows or a core dump. */
  readonly canStart: boolean;
  /** Go's own record; undefined where there is none (other languages, Go before 1.13). */
  readonly go: GoBuild | undefined;
  /** Whether it holds Kubernetes' version package. */
  readonly linksVersion: boolean;
  /** Texts that look like a stamped version: `v1.20.2`. */
  readonly versions: readonly string[];
  /** Texts that look like a stamped commit: 40 or 64 hexadecimal digits. */
  readonly commits: readonly string[];
}

/** What `go version -m` prints. */
export interface GoBuild {
  /** `go1.19.8`; undefined where the old record (up to Go 1.17) points out of reach. */
  readonly version: string | undefined;
  /** Package path of the program. */
  readonly path: string;
  /** Main module and its version; empty in a GOPATH. */
  readonly module: string;
  /** Modules that are linked, the main one left out; empty in a GOPATH. */
  readonly modules: readonly GoModule[];
  /** Build settings: `-ldflags`, `CGO_ENABLED`, `GOOS`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A module of a program, as Go's build information names it. */
export interface GoModule {
  /** `github.com/pkg/errors`. */
  readonly path: string;
  /** `v0.9.1`; `(devel)` for one of a workspace. */
  readonly version: string;
  /** `h1:…`; "" where modules are vendored. */
  readonly sum: string;
  /** The module, or the directory, that is linked in its place. */
  readonly replacement?: Omit<GoModule, "replacement">;
}
