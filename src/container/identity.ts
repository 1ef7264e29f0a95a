import { createHash } from "node:crypto";
import { ifPossible, readText } from "../files/mod.ts";
import { isObject, type JsonObject } from "../image/mod.ts";
import { IDENTITY_LABEL, LABEL } from "./names.ts";
import type { Engine } from "./types.ts";

/** A checkout as its containers name it. */
export interface CheckoutIdentity {
  /** The checkout; absolute, links resolved. */
  readonly root: string;
  /** From {@linkcode identityOf}. */
  readonly identity: string;
}

/**
 * What tells a checkout from others with the same path: on other machines that use the same engine, in other mount
 * namespaces, and from an earlier one that was removed. It is made of the machine, and of number and birth of the directory, so that it
 * is the same without any outputs.
 *
 * @returns 16 hex digits.
 */
export async function identityOf(root: string): Promise<string> {
  const [{ birthtime, ino }, machine] = await Promise.all([
    Deno.stat(root),
    ifPossible(readText("/etc/machine-id")),
  ]);
  const parts = [Deno.hostname(), machine?.trim() ?? "", root, ino, birthtime?.getTime() ?? ""];
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

/**
 * Whose a container is: `"own"`, that of an `"other"` checkout at the same path, or undefined: kbuild did not make it for this
 * path.
 *
 * Containers of older kbuilds do not say which checkout they are for. On an engine of this machine, they are those of this
 * checkout, since its locks tell which are in use; elsewhere nobody knows.
 *
 * @param container What the engine's `container inspect` prints.
 */
export function ownerOf(
  container: JsonObject,
  { root, identity }: CheckoutIdentity,
  { isRemote }: Pick<Engine, "isRemote">,
): "own" | "other" | undefined {
  const { Config: config } = container;
  const labels = isObject(config) ? config["Labels"] : undefined;
  if (!isObject(labels) || labels[LABEL] !== root) return undefined;
  const named = labels[IDENTITY_LABEL];
  if (named === undefined) return isRemote ? "other" : "own";
  return named === identity ? "own" : "other";
}

/** States of containers that have ended, and do not start again by themselves. */
const ENDED: readonly unknown[] = Object.freeze(["dead", "exited", "removing", "stopped"]);

/**
 * Whether somebody uses a container of another checkout, or is about to: it runs, or was made and has not been started yet.
 *
 * @param container What the engine's `container inspect` prints.
 */
export function isAlive({ State: state }: JsonObject): boolean {
  if (!isObject(state)) return false;
  const { Running: running, Status: status } = state;
  return running === true || (status !== undefined && !ENDED.includes(status));
}
