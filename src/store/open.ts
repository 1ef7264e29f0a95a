import { resolve } from "@std/path";
import { UsageError } from "../errors.ts";
import type { OwnershipContext } from "../files/mod.ts";
import type { Logger } from "../lib/logging.ts";
import { CheckedStore } from "./checked.ts";
import { FolderBackend, prepareFolder } from "./folder.ts";
import { type Store, StoreFault } from "./types.ts";

/** Options of {@linkcode openStore}. */
export interface OpenStoreOptions {
  /** Whether nothing is written; default false. */
  readonly readOnly?: boolean;
  /** Receives warnings. */
  readonly log: Logger;
  /** The user's working directory: relative paths start there. */
  readonly cwd: string;
  /** Stops everything. */
  readonly signal?: AbortSignal | undefined;
  /** What decides whether a directory may be a store. */
  readonly ownership?: OwnershipContext | undefined;
}

/**
 * Opens a store of results.
 *
 * @param url The path of a directory.
 * @returns undefined without a URL, and, after a warning, for a store that cannot be used.
 * @throws {UsageError} It is not the address of a store.
 * @throws {KbuildError} The directory holds what is not a store.
 *
 * @example
 * ```ts
 * import { logging, store } from "@k8s/kbuild";
 *
 * const log = logging.createLogger({ write: (text) => console.error(text.trimEnd()) });
 * const directory = await Deno.makeTempDir();
 * using results = (await store.openStore(directory, { log, cwd: Deno.cwd() }))!;
 * console.log(await results.result("0".repeat(64))); // undefined
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function openStore(
  url: string | undefined,
  options: OpenStoreOptions,
): Promise<Store | undefined> {
  if (url === undefined || url === "") return undefined;
  const { readOnly = false, log, cwd, signal, ownership } = options;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) {
    throw new UsageError(`Cannot use "${url}" as a store: only directories can be one`);
  }
  const root = resolve(cwd, url);
  try {
    await prepareFolder(root, { readOnly, ownership });
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error;
    log.warn(`The store "${url}" is not used: ${error.message}`, error.notes);
    return undefined;
  }
  return new CheckedStore(new FolderBackend(root, { readOnly }), { url, readOnly, log, signal });
}
