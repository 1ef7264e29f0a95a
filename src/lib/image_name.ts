/**
 * What names of container images are made of, after github.com/distribution/reference.
 *
 * @module
 */

/** Source of a pattern: a registry's host, with a port or without. */
export const HOST: string = String
  .raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?`;

const PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";

/** Source of a pattern: what is between host and tag, `kubernetes/pause`. */
export const REPOSITORY: string = `${PART}(?:/${PART})*`;

/** Source of a pattern: a tag, `v1.20.2`. */
export const TAG: string = String.raw`\w[\w.-]{0,127}`;

const IS_REGISTRY = new RegExp(`^${HOST}(?:/${REPOSITORY})?$`);
const IS_TAG = new RegExp(`^${TAG}$`);

/** What is wrong with a name, and what to do about it. */
export interface NameFault {
  /** Why it cannot be used. */
  readonly reason: string;
  /** What to write instead, a line each. */
  readonly notes: readonly string[];
}

/**
 * Looks for faults in the part of an image's name in front of its last part: a host and mostly a
 * path, `registry.example:5000/kubernetes`.
 *
 * @returns Undefined when it can be used.
 */
export function registryFault(value: string): NameFault | undefined {
  if (IS_REGISTRY.test(value)) return undefined;
  const path = value.slice(value.indexOf("/"));
  const notes = [
    ...(value.includes("://") ? ["Leave out the scheme"] : []),
    ...(value.includes("/") && /[A-Z]/.test(path) ? ["Paths have no capital letters"] : []),
    'Write a host, with a path or without: "registry.example/kubernetes"',
  ];
  return { reason: "images cannot have such a registry in their names", notes };
}

/**
 * Looks for faults in a tag.
 *
 * @returns Undefined when it can be used.
 */
export function tagFault(value: string): NameFault | undefined {
  if (IS_TAG.test(value)) return undefined;
  const [notes, reason] = value.includes("+")
    ? [[`Write "_" for "+": "${value.replaceAll("+", "_")}"`], 'a tag has no "+"']
    : [
      ["A tag has letters, digits, dots, dashes and underscores, 128 at most"],
      "images cannot have such a tag",
    ];
  return { reason, notes };
}
