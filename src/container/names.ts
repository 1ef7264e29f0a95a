import { createHash } from "node:crypto";
import type { ContainerNames } from "../checkout/mod.ts";

/** What the hash in the name of a build container is over. */
export interface HashInputs {
  /** Name of the machine: bash's `HOSTNAME`. */
  readonly hostname: string;
  /** The checkout; absolute, links resolved. */
  readonly root: string;
  /** The branch, "" without one; undefined in checkouts whose names do not depend on it (1.7). */
  readonly branch: string | undefined;
}

/**
 * Port of `kube::build::short_hash` over what `verify_prereqs` gives it: the first ten hex digits of the
 * MD5 of `HOSTNAME:ROOT`, in 1.8 and later of `HOSTNAME:ROOT:BRANCH`.
 */
export function rootHash({ hostname, root, branch }: HashInputs): string {
  const text = branch === undefined ? `${hostname}:${root}` : `${hostname}:${root}:${branch}`;
  return createHash("md5").update(text).digest("hex").slice(0, 10);
}

/** `KUBE_BUILD_CONTAINER_NAME`: `kube-build-bd493105f5-5-v1.15.5-1`, later `kube-build-bd493105f5-6`. */
export function containerName(hash: string, { version }: ContainerNames): string {
  return `kube-build-${hash}-${version}`;
}

/** Label of the containers that kbuild makes: the path of the checkout. */
export const LABEL = "kbuild.root";

/** Label that tells checkouts with the same path apart: `identityOf` has its value. */
export const IDENTITY_LABEL = "kbuild.checkout";
