/** Where a module's sources come from. */
export type ModuleOrigin =
  /** The checkout's own module. */
  | "main"
  /** `staging/`: published as a repository of its own, built from the checkout. */
  | "staging"
  /** `vendor/`. */
  | "vendor"
  /** Go's standard library. */
  | "go"
  /** Only the build information of a program names it. */
  | "program";

/** A module that programs are linked from. */
export interface ListedModule {
  /** `github.com/pkg/errors`; `stdlib` for Go's own packages. */
  readonly path: string;
  /** As Go writes it: `v0.9.1`. Up to 1.14 a revision, where that is all that the list has. */
  readonly version: string;
  /** Where its sources come from. */
  readonly origin: ModuleOrigin;
  /** Digest of its published files (`h1:`), hexadecimal; undefined where go.sum has none. */
  readonly sum?: string | undefined;
  /** SPDX license expression; undefined where no known text was found. */
  readonly license?: string | undefined;
}

/** A program and the modules that it is linked from. */
export interface ListedProgram {
  /** Path below the output directory: `bin/linux/amd64/kubectl`. */
  readonly path: string;
  /** Base name. */
  readonly name: string;
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string;
  /** Import path: `k8s.io/kubernetes/cmd/kubectl`; "" for a program that is not written in Go. */
  readonly goPackage: string;
  /** Version of the program. */
  readonly version: string;
  /** Digest, hexadecimal. */
  readonly sha256: string;
  /** In the order of their paths. */
  readonly modules: readonly ListedModule[];
}

/** Something in a bill of materials. */
export interface Component {
  /** Name within the document, different for each component. */
  readonly id: string;
  /** What it is. */
  readonly kind: "program" | "module" | "tarball" | "image" | "package" | "release";
  /** For people. */
  readonly name: string;
  /** Never empty. */
  readonly version: string;
  /** Who distributes it. */
  readonly supplier: string;
  /** Package URL; undefined for what no ecosystem names. */
  readonly purl?: string | undefined;
  /** Digest, hexadecimal. */
  readonly sha256?: string | undefined;
  /** SPDX license expression. */
  readonly license?: string | undefined;
}

/** How two components are related. */
export type RelationKind = "contains" | "depends on" | "generated from" | "descends from";

/** A relation of a component to others. */
export interface Relation {
  /** {@linkcode Component.id}. */
  readonly from: string;
  /** How they are related. */
  readonly kind: RelationKind;
  /** Sorted bytewise. */
  readonly to: readonly string[];
}

/** A bill of materials, whatever the format. */
export interface Bom {
  /** Name of the document. */
  readonly name: string;
  /** The component that it is about: {@linkcode Component.id}. */
  readonly subject: string;
  /** The subject first, then sorted by id. */
  readonly components: readonly Component[];
  /** Sorted. */
  readonly relations: readonly Relation[];
}

/** What is the same in all documents of a release. */
export interface BomContext {
  /** Version of the release: `v1.20.2`. */
  readonly version: string;
  /** Module of the checkout: `k8s.io/kubernetes`. */
  readonly goPackage: string;
  /** License of the checkout. */
  readonly license: string | undefined;
  /** Who distributes the release. */
  readonly supplier: string;
  /** Seconds since 1970: the time of every document. */
  readonly epoch: number;
  /** Version of kbuild. */
  readonly tool: string;
}
