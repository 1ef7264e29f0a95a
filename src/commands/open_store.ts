import { format as formatBytes } from "@std/fmt/bytes";
import { counted } from "../lib/counted.ts";
import { checkDestination } from "../lib/destination.ts";
import type { Environment } from "../lib/init.ts";
import type { Logger } from "../lib/logging.ts";
import { ownershipContext } from "../lib/ownership.ts";
import { hostPlatform, isSet } from "../lib/util.ts";
import type { Shell } from "../shell/mod.ts";
import { openStore, parseStoreAddress, type RegistryOpener, type Store } from "../store/mod.ts";
import { STORE, STORE_READ_ONLY } from "./flags.ts";

/** What opening a store needs of a run. */
export interface StoreContext {
  readonly env: Environment;
  readonly cwd: string;
  readonly log: Logger;
  readonly shell: Shell;
  readonly signal?: AbortSignal | undefined;
  /** The checkout, if there is one. */
  readonly root?: string | undefined;
}

/** Whether `--store-read-only` forbids to write. */
export function isStoreReadOnly(env: Environment): boolean {
  return isSet(env[STORE_READ_ONLY.variable]);
}

/**
 * Opens the store of a run, of whatever kind; undefined without one. To be disposed.
 *
 * @throws {UsageError} `--store` is not the address of a store, or is a directory among the sources.
 */
export async function openStoreOf(
  context: StoreContext,
  { readOnly = isStoreReadOnly(context.env) }: { readOnly?: boolean } = {},
): Promise<Store | undefined> {
  const { env, cwd, log, shell, signal } = context;
  await checkStorePlace(context, env[STORE.variable] ?? "");
  const openRegistry: RegistryOpener = async (...asked) => {
    // Directories and web servers do without.
    const { registryOpener } = await import("../registry/mod.ts");
    return await registryOpener(shell)(...asked);
  };
  return await openStore(env[STORE.variable], {
    ...{ cwd, env, log, signal, readOnly, openRegistry },
    host: hostPlatform(),
    ownership: ownershipContext(context),
  });
}

/**
 * Checks where a store is.
 *
 * @param given Its address; "": there is none.
 * @throws {UsageError} It is not the address of a store, or a directory of the checkout that git does not ignore.
 */
export async function checkStorePlace(
  { root, env, cwd, shell }: Pick<StoreContext, "root" | "env" | "cwd" | "shell">,
  given: string,
): Promise<void> {
  if (root === undefined || given === "") return;
  const address = parseStoreAddress(given, cwd);
  if (address.kind !== "folder") return;
  await checkDestination({ root, env, shell }, address.path, {
    cannot: `Cannot use "${address.shown}" as a store`,
    example: "kbuild-store",
  });
}

/** Says what a run took from a store, and what it left there. */
export function sayStore({ log }: Pick<StoreContext, "log">, { url, counts }: Store): void {
  const { fetched, fetchedBytes, values, saved, savedBytes, refused } = counts;
  log.status(`Store "${url}":`, [
    `${counted(fetched, "file")} fetched (${formatBytes(fetchedBytes)}), ` +
    `${counted(saved, "result")} saved (${formatBytes(savedBytes)})`,
    ...values === 0 ? [] : [`${counted(values, "compressed block")} fetched`],
    ...refused === 0 ? [] : [`${refused} refused: damaged or changed`],
  ]);
}
