/** A package URL's part: all but letters, digits and `.-_~` is escaped (package-url/purl-spec). */
function part(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  ).replaceAll("%3A", ":");
}

/**
 * The package URL of a Go module or of a package in it. Names are in lower case, as the type wants it.
 *
 * @param below Directory of the package in the module.
 */
export function golangPurl(module: string, version: string, below = ""): string {
  const path = module.toLowerCase().split("/").map(part).join("/");
  const fragment = below === "" ? "" : `#${below.split("/").map(part).join("/")}`;
  return `pkg:golang/${path}@${part(version)}${fragment}`;
}

/** The package URL of a package of a distribution, which no distribution has. */
export function packagePurl(
  format: "deb" | "rpm",
  { name, version, arch }: { name: string; version: string; arch: string },
): string {
  return `pkg:${format}/kubernetes/${part(name)}@${part(version)}?arch=${part(arch)}`;
}

/**
 * The package URL of an image in a registry.
 *
 * @param reference `registry.example/kube-proxy:v1`.
 * @param digest `sha256:…` of its manifest or index.
 */
export function imagePurl(reference: string, digest: string): string {
  const repository = reference.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
  const name = repository.slice(repository.lastIndexOf("/") + 1).toLowerCase();
  return `pkg:oci/${part(name)}@${part(digest).replace(":", "%3A")}?repository_url=${
    part(repository)
  }`;
}
