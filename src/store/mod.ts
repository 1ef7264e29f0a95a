/**
 * Stores of results: what units of work left, by the key of everything that they were made from, shared by
 * several machines. A directory is one. The room knows nothing about Kubernetes.
 *
 * @module
 */
export { describeFiles } from "./describe.ts";
export { openStore, type OpenStoreOptions } from "./open.ts";
export {
  MAX_VALUE,
  type Store,
  type StoreCounts,
  type StoredFile,
  type StoredResult,
} from "./types.ts";
