/**
 * The right Go: which one a checkout is built with, where it comes from, and fetching it into a
 * cache that all checkouts share; protoc is fetched into it, too. What is fetched is checked against Go's checksum database, or
 * against a digest.
 *
 * {@linkcode describeGo} decides and says why, {@linkcode provideGo} carries it out.
 *
 * @module
 */
export { goRoot } from "./ask_go.ts";
export {
  type CachedGo,
  cachedGo,
  type GoOrigin,
  isCached,
  listCached,
  originOf,
  readOrigin,
} from "./cache.ts";
export { sizeOfTree } from "../files/mod.ts";
export { chooseGo, type GoChoice, type GoSupply } from "./choose.ts";
export {
  compareGoVersions,
  type GoTool,
  type GoVersion,
  isGoRelease,
  isGoSince,
  parseGoVersion,
} from "./go_tool.ts";
export {
  type CachedRelease,
  checkFetched,
  fetchError,
  installInCache,
  type InstallSteps,
  removeFromCache,
  type WaysOut,
} from "./install_in_cache.ts";
export { askProtoc, installProtoc } from "./install_protoc.ts";
export {
  isCachedProtoc,
  isProtocVersion,
  listCachedProtoc,
  protocCandidates,
  type ProtocDigest,
  protocDigest,
  type ProtocRelease,
  protocRelease,
} from "./protoc_release.ts";
export { type PlannedGoUrl, plannedGoUrls } from "./planned_urls.ts";
export {
  type ChosenGo,
  describeGo,
  type GoDescription,
  installRelease,
  provideGo,
  removeRelease,
  sayGo,
  takeGo,
} from "./provide.ts";
export type { GoContext } from "./types.ts";
export { GO_CHOICE, type GoNeeds, type RequestedGo, requestedGo } from "./requested_go.ts";
