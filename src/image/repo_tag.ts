import { UsageError } from "../errors.ts";
import { HOST, REPOSITORY, TAG } from "../lib/image_name.ts";

const REFERENCE = new RegExp(`^(?:(?:${HOST})/)?${REPOSITORY}:(${TAG})$`);

/** A name that an image goes by, taken apart. */
export interface RepoTag {
  /** As given: "registry.k8s.io/kube-proxy-amd64:v1.35.0". */
  readonly name: string;
  /** The part behind the colon. */
  readonly tag: string;
  /** With the registry and "library" that docker would put in front. */
  readonly full: string;
}

/**
 * Checks an image name with its tag.
 *
 * @throws {UsageError} It is not a name; a version's "+" must be written "_".
 */
export function parseRepoTag(name: string): RepoTag {
  const tag = REFERENCE.exec(name)?.[1];
  if (tag === undefined) {
    throw new UsageError(`Cannot use "${name}" as an image name: want "registry/name:tag"`, [
      ...(name.includes("+") ? [`Write "_" for "+": "${name.replaceAll("+", "_")}"`] : []),
      ...(/[A-Z]/.test(name) ? ["The name of an image has no capital letters"] : []),
    ]);
  }
  const first = name.includes("/") ? name.slice(0, name.indexOf("/")) : "";
  const hasHost = /[.:]/.test(first) || first === "localhost";
  const full = hasHost ? name : `docker.io/${name.includes("/") ? "" : "library/"}${name}`;
  return Object.freeze({ name, tag, full });
}
