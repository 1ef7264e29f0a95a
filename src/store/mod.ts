/**
 * Stores of results: what units of work left, by the key of everything that they were made from, shared by
 * several machines. A directory is one, a server of Bazel's cache protocol, or a registry. The room knows
 * nothing about Kubernetes.
 *
 * @module
 */
export { parseStoreAddress, type StoreAddress } from "./address.ts";
export { describeFiles } from "./describe.ts";
export {
  type CollectedGarbage,
  collectGarbage,
  type GarbageOptions,
  statStore,
  type StoreDamage,
  type StoreStat,
  verifyStore,
} from "./maintenance.ts";
export { atServer, blobAtServer } from "./network_fault.ts";
export { openStore, type OpenStoreOptions, type RegistryOpener } from "./open.ts";
export { probeStore } from "./probe.ts";
export {
  type Backend,
  type FaultExtent,
  MAX_VALUE,
  type Store,
  type StoreCounts,
  type StoredBlob,
  type StoredFile,
  type StoredResult,
  StoreFault,
} from "./types.ts";
