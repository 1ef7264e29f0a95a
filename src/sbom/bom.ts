import { golangPurl, imagePurl, packagePurl } from "./purl.ts";
import type {
  Bom,
  BomContext,
  Component,
  ListedModule,
  ListedProgram,
  Relation,
  RelationKind,
} from "./types.ts";

/** An artifact of a release and the programs in it. */
export interface DescribedArtifact {
  /** What it is. */
  readonly kind: "tarball" | "image" | "package";
  /** Path below the output directory: `release-tars/kubernetes-client-linux-amd64.tar.gz`. */
  readonly path: string;
  /** Digest of the file, hexadecimal. */
  readonly sha256: string;
  /** Programs, wherever in it; each once. */
  readonly programs: readonly ListedProgram[];
  /** Modules whose sources it holds. */
  readonly sources?: readonly ListedModule[];
  /** Names with tags of an image. */
  readonly repoTags?: readonly string[];
  /** What an image is built on. */
  readonly base?: { readonly name: string; readonly digest?: string | undefined } | undefined;
}

/** The bill of materials of a program: the modules that it is linked from. */
export function programBom(program: ListedProgram, context: BomContext): Bom {
  const draft = new Draft(context);
  return draft.finish(program.path, draft.program(program));
}

/** The bill of materials of a tarball, an image or a package: programs in it, and their modules. */
export function artifactBom(artifact: DescribedArtifact, context: BomContext): Bom {
  const draft = new Draft(context);
  return draft.finish(artifact.path, draft.artifact(artifact));
}

/** The bill of materials of a release as a whole. */
export function releaseBom(
  artifacts: readonly DescribedArtifact[],
  programs: readonly ListedProgram[],
  context: BomContext,
): Bom {
  const { goPackage, license, supplier, version } = context;
  const draft = new Draft(context);
  const name = "kubernetes-release";
  const id = draft.add({
    ...{ id: name, kind: "release", name, version, supplier, license },
    purl: golangPurl(goPackage, version),
  });
  for (const program of programs) draft.relate(id, "contains", draft.program(program));
  for (const artifact of artifacts) draft.relate(id, "contains", draft.artifact(artifact));
  return draft.finish(name, id);
}

/** Components and relations while they are collected. */
class Draft {
  readonly #context: BomContext;
  readonly #components = new Map<string, Component>();
  readonly #relations = new Map<string, Set<string>>();

  constructor(context: BomContext) {
    this.#context = context;
  }

  /** @returns The component's id. */
  add(component: Component): string {
    const { id } = component;
    if (!this.#components.has(id)) this.#components.set(id, Object.freeze(component));
    return id;
  }

  relate(from: string, kind: RelationKind, to: string): void {
    const key = `${from}\0${kind}`;
    const known = this.#relations.get(key) ?? new Set();
    this.#relations.set(key, known.add(to));
  }

  module(module: ListedModule): string {
    const { path, version, license, sum } = module;
    const purl = golangPurl(path, version.replace(/^go(?=\d)/, ""));
    const supplier = supplierOf(path);
    return this.add(
      { id: purl, kind: "module", name: path, version, supplier, purl, license, sha256: sum },
    );
  }

  program(program: ListedProgram): string {
    const { path, name, version, sha256, goPackage, modules } = program;
    const { license, supplier } = this.#context;
    const owner =
      modules.filter(({ path }) => goPackage === path || goPackage.startsWith(`${path}/`)).sort((
        a,
        b,
      ) => b.path.length - a.path.length)[0];
    const isOwn = owner?.origin === "main" || owner?.origin === "staging";
    const id = this.add({
      ...{ id: path, kind: "program", name, version, sha256 },
      license: isOwn ? license : owner?.license,
      supplier: isOwn || owner === undefined ? supplier : supplierOf(owner.path),
      purl: owner === undefined
        ? undefined
        : golangPurl(owner.path, owner.version, goPackage.slice(owner.path.length + 1)),
    });
    for (const module of modules) this.relate(id, "depends on", this.module(module));
    if (owner !== undefined) this.relate(id, "generated from", this.module(owner));
    return id;
  }

  artifact(artifact: DescribedArtifact): string {
    const { kind, path, sha256, programs, sources = [], base, repoTags } = artifact;
    const { version, supplier, license } = this.#context;
    const file = path.slice(path.lastIndexOf("/") + 1);
    const described = kind === "package" ? packageOf(file) : undefined;
    const id = this.add({
      ...{ id: path, kind, sha256, supplier, license },
      name: described?.name ?? repoTags?.[0]?.replace(/:[^:/]*$/, "") ?? file,
      version: described?.version ?? version,
      purl: described?.purl,
    });
    for (const program of programs) this.relate(id, "contains", this.program(program));
    for (const module of sources) this.relate(id, "contains", this.module(module));
    if (base !== undefined) this.relate(id, "descends from", this.#base(base));
    return id;
  }

  #base({ name, digest }: NonNullable<DescribedArtifact["base"]>): string {
    const purl = digest === undefined ? undefined : imagePurl(name, digest);
    const supplier = name.split("/").slice(0, -1).join("/") || "docker.io/library";
    const version = digest ?? (/:([^:/]+)$/.exec(name)?.[1] ?? "latest");
    const plain = name.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
    const sha256 = digest?.replace(/^sha256:/, "");
    return this.add(
      { id: `base:${name}`, kind: "image", name: plain, version, supplier, purl, sha256 },
    );
  }

  finish(name: string, subject: string): Bom {
    const sorted = [...this.#components.values()].sort((a, b) =>
      a.id === subject ? -1 : b.id === subject ? 1 : a.id < b.id ? -1 : 1
    );
    const relations = [...this.#relations].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([key, to]): Relation => {
        const [from = "", kind] = key.split("\0");
        return Object.freeze({ from, kind: kind as RelationKind, to: [...to].sort() });
      });
    return Object.freeze({
      ...{ name, subject },
      components: Object.freeze(sorted),
      relations: Object.freeze(relations),
    });
  }
}

/** Hosts of modules whose owner is not in the path. */
const OWNERS: Readonly<Record<string, string>> = {
  "stdlib": "The Go Authors",
  "golang.org": "The Go Authors",
  "k8s.io": "The Kubernetes Authors",
  "sigs.k8s.io": "The Kubernetes Authors",
};

/** Who distributes a module: the owner of its repository, as its path has it. */
function supplierOf(module: string): string {
  const [host = "", owner = ""] = module.split("/");
  const isHosted = /^(github\.com|bitbucket\.org|gitlab\.com)$/.test(host) && owner !== "";
  return OWNERS[host] ?? (isHosted ? `${host}/${owner}` : host);
}

/** Name, version and architecture of a package, as its file's name has them. */
function packageOf(
  file: string,
): { name: string; version: string; purl: string } | undefined {
  const pattern = file.endsWith(".deb")
    ? /^([^_]+)_([^_]+)_([^_]+)\.deb$/
    : /^(.+?)-(\d[^-]*-[^-]+)\.([^.]+)\.rpm$/;
  const [, name, version, arch] = pattern.exec(file) ?? [];
  if (name === undefined || version === undefined || arch === undefined) return undefined;
  const format = file.endsWith(".deb") ? "deb" : "rpm";
  return { name, version, purl: packagePurl(format, { name, version, arch }) };
}
