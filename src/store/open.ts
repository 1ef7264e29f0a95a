import type { OwnershipContext } from "../files/mod.ts";
import type { Logger } from "../lib/logging.ts";
import { isOffline, type NetContext, type RetryPolicy } from "../net/mod.ts";
import { parseStoreAddress, type StoreAddress } from "./address.ts";
import { CheckedStore } from "./checked.ts";
import { FolderBackend, prepareFolder } from "./folder.ts";
import { HttpBackend } from "./http.ts";
import { STORE_RETRY_POLICY } from "./network_fault.ts";
import { type Backend, type Store, StoreFault } from "./types.ts";

/** Options of {@linkcode openStore}. */
export interface OpenStoreOptions {
  /** Whether nothing is written; default false. */
  readonly readOnly?: boolean;
  /** Receives warnings. */
  readonly log: Logger;
  /** The user's working directory: relative paths start there. */
  readonly cwd: string;
  /** The environment, for stores elsewhere: `HTTPS_PROXY`, `KBUILD_CA_FILE`, `KBUILD_OFFLINE`. Default: empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** The machine's platform; default "linux/amd64". */
  readonly host?: string;
  /** Opens a repository of a registry (`registry.openResults`); default: there is no such store. */
  readonly openRegistry?: RegistryOpener | undefined;
  /** How long servers are waited for; default: 10 s, twice. */
  readonly retryPolicy?: Partial<RetryPolicy>;
  /** Stops everything. */
  readonly signal?: AbortSignal | undefined;
  /** What decides whether a directory may be a store. */
  readonly ownership?: OwnershipContext | undefined;
}

/** Opens a repository of a registry. */
export type RegistryOpener = (
  repository: Extract<StoreAddress, { kind: "registry" }>,
  context: NetContext,
  retryPolicy: Partial<RetryPolicy>,
) => Promise<Backend>;

/**
 * Opens a store of results.
 *
 * @param url The path of a directory, `http(s)://…`, or `oci://registry/repository`, with `?insecure` for a
 * registry without encryption.
 * @returns undefined without a URL, and, after a warning, for a store that cannot be used.
 * @throws {UsageError} It is not the address of a store.
 * @throws {KbuildError} The directory holds what is not a store, or certificates cannot be read.
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
  const { readOnly = false, log, cwd, signal } = options;
  const address = parseStoreAddress(url, cwd);
  try {
    const backend = await openBackend(address, { ...options, readOnly });
    return new CheckedStore(backend, { url: address.shown, readOnly, log, signal });
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error;
    log.warn(`The store "${address.shown}" is not used: ${error.message}`, error.notes);
    return undefined;
  }
}

async function openBackend(
  address: StoreAddress,
  options: OpenStoreOptions & { readOnly: boolean },
): Promise<Backend> {
  const { readOnly, log, env = {}, host = "linux/amd64", signal, ownership } = options;
  if (address.kind === "folder") {
    await prepareFolder(address.path, { readOnly, ownership });
    return new FolderBackend(address.path);
  }
  if (isOffline(env)) throw new StoreFault("--offline forbids the network", "all");
  const context = { env, host, log, signal };
  const retryPolicy = { ...STORE_RETRY_POLICY, ...options.retryPolicy };
  if (address.kind === "http") return await HttpBackend.open(context, address.url, retryPolicy);
  if (options.openRegistry !== undefined) {
    return await options.openRegistry(address, context, retryPolicy);
  }
  throw new StoreFault("registries cannot be stores here", "all");
}
